"""Which Pods run on a node: an index for the node authorizer, kept by the Pod cache."""

from collections.abc import Iterable

import msgspec

from pinnace.api.objects import Object
from pinnace.store.watchcache.cache import WatchCache
from pinnace.store.watchcache.changes import Change
from pinnace.store.watchcache.item import Item


class _Spec(msgspec.Struct):
    nodeName: str = ""


class _Pod(msgspec.Struct):
    spec: _Spec


_decoder = msgspec.json.Decoder(_Pod)


class NodePods:
    """Pods by the node that they are bound to."""

    def __init__(self) -> None:
        self._by_node: dict[str, dict[str, Item]] = {}

    def follow(self, cache: WatchCache) -> None:
        """Index what is there, and every change from now on."""
        for item in cache.items():
            self._add(item)
        cache.listeners.append(self._changed)

    def on(self, node: str) -> Iterable[Object]:
        """Return the Pods of a node, shared: never change them."""
        return [item.shared() for item in self._by_node.get(node, {}).values()]

    def items(self, node: str) -> Iterable[Item]:
        """Return the Pods of a node as they are stored."""
        return list(self._by_node.get(node, {}).values())

    def _add(self, item: Item) -> None:
        node = _decoder.decode(b"{" + item.tail).spec.nodeName
        if node:
            self._by_node.setdefault(node, {})[item.key] = item

    def _changed(self, change: Change) -> None:
        if change.previous is not None:
            node = _decoder.decode(b"{" + change.previous.tail).spec.nodeName
            self._by_node.get(node, {}).pop(change.item.key, None)
        if change.type != "DELETED":
            self._add(change.item)
