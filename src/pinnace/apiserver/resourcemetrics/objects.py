"""NodeMetrics and PodMetrics, as metrics-server writes them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import orjson

from pinnace.api.gotime import duration_text
from pinnace.api.kinds.metrics import NODEMETRICS, PODMETRICS
from pinnace.api.objects import Object, format_time
from pinnace.api.quantity import BINARY_SI, Quantity, from_value
from pinnace.api.resources import Resource
from pinnace.apiserver.resourcemetrics.points import Used
from pinnace.store.watchcache.item import Item


def node_item(name: str, labels: Mapping[str, str], used: Used, now: datetime) -> Item:
    """Return what a node uses as an item of a list."""
    shown = {"metadata": _metadata(name, "", labels, now), **_when(used), "usage": _usage(used)}
    return _item(NODEMETRICS, "", name, shown)


def pod_item(
    namespace: str,
    name: str,
    labels: Mapping[str, str],
    used: Mapping[str, Used],
    now: datetime,
) -> Item:
    """Return what a Pod's containers use as an item of a list."""
    # The time of the whole is that of the oldest part.
    oldest = min(used.values(), key=lambda each: each.at)
    containers = [{"name": key, "usage": _usage(each)} for key, each in sorted(used.items())]
    shown = {
        "metadata": _metadata(name, namespace, labels, now),
        **_when(oldest),
        "containers": containers,
    }
    return _item(PODMETRICS, namespace, name, shown)


def _metadata(name: str, namespace: str, labels: Mapping[str, str], now: datetime) -> Object:
    found: Object = {"name": name}
    if namespace:
        found["namespace"] = namespace
    found["creationTimestamp"] = format_time(now)
    if labels:
        found["labels"] = dict(labels)
    return found


def _when(used: Used) -> Object:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=used.at // 1000)
    return {"timestamp": format_time(at), "window": duration_text(used.window)}


def _usage(used: Used) -> Object:
    memory = from_value(used.memory, BINARY_SI).canonical()
    return {"cpu": Quantity(used.cpu).canonical(), "memory": memory}


def _item(row: Resource, namespace: str, name: str, shown: Object) -> Item:
    head = {"kind": row.kind, "apiVersion": row.group_version}
    value = orjson.dumps({**head, "metadata": {"name": name, "uid": ""}})
    item = Item(f"{namespace}/{name}", namespace=namespace, name=name, value=value, revision=0)
    # What is not stored has neither uid nor revision.
    item.tail = orjson.dumps(shown)[1:]
    return item
