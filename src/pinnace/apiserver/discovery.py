"""Discovery: which groups, versions and resources there are, as documents ready to send.

Everything is derived from rows. Clients ask in two ways: the legacy one, a document per group and
per version, and the aggregated one, where `/api` and `/apis` each answer with everything below them
(`APIGroupDiscoveryList`). A CustomResourceDefinition changes the rows: `update` then redoes only
the versions whose rows changed, and joins the encoded pieces again.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import orjson

from pinnace.api.resources import Resource, Subresource
from pinnace.api.versionorder import version_priority
from pinnace.apiserver.aggregation.priorities import (
    BUILT_IN,
    CUSTOM,
    REGISTRATION,
    REGISTRATION_PRIORITY,
    UNKNOWN,
    Priority,
)

# Upstream still stores these in a version that it no longer serves, and tells of that one.
_HASHED_AS = MappingProxyType(
    {("apiextensions.k8s.io", "customresourcedefinitions"): "apiextensions.k8s.io/v1beta1"}
)


@dataclass(frozen=True, slots=True)
class Document:
    """A document: its JSON, the ETag in its quotes, and its content type."""

    body: bytes
    etag: str
    content_type: str = "application/json"


def storage_version_hash(row: Resource) -> str:
    """Return the opaque name of the version in which a resource is stored; empty if it is not."""
    if not row.storage:
        return ""
    storage = _HASHED_AS.get((row.group, row.plural), row.storage)
    group, _, version = storage.rpartition("/")
    digest = hashlib.sha256(f"{group}/{version}/{row.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def document(value: Any, content_type: str = "application/json") -> Document:
    """Encode a value with an ETag that changes when its bytes do."""
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return Document(body, f'"{hashlib.sha512(body).hexdigest().upper()}"', content_type)


@dataclass(frozen=True, slots=True)
class _Version:
    """One group version: its rows, and both ways to tell of them, encoded."""

    rows: tuple[Resource, ...]
    resources: Document
    aggregated: bytes


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    versions: tuple[str, ...]

    def about(self) -> dict[str, Any]:
        versions = [
            {"groupVersion": f"{self.name}/{version}", "version": version}
            for version in self.versions
        ]
        return {"name": self.name, "versions": versions, "preferredVersion": versions[0]}


class Discovery:
    """All discovery documents of a server, kept up to date with its rows and APIServices.

    The legacy ones list what is registered, the aggregated ones what is served. Groups and versions
    stand by their priorities.
    """

    def __init__(self, rows: Iterable[Resource], *, server_address: str = "") -> None:
        self._server_address = server_address
        self._versions: dict[tuple[str, str], _Version] = {}
        self._documents: dict[str, Document] = {}
        self._aggregated: dict[str, Document] = {}
        self.update(rows)

    def update(
        self,
        rows: Iterable[Resource],
        *,
        registered: Mapping[str, Sequence[str]] | None = None,
        remote: Mapping[tuple[str, str], tuple[Priority, bytes]] = MappingProxyType({}),
    ) -> None:
        """Take the given rows as all there are.

        `registered` are the versions of the groups for which there are APIServices, all in order;
        without it, every row counts as registered. `remote` has the entries of group versions that
        other servers serve.
        """
        gathered: dict[str, dict[str, list[Resource]]] = {}
        for row in rows:
            gathered.setdefault(row.group, {}).setdefault(row.version, []).append(row)
        old = self._versions
        self._versions = {}
        groups: list[_Group] = []
        for name, versions in gathered.items():
            order = tuple(sorted(versions, key=version_priority))
            groups.append(_Group(name, order))
            for version in order:
                new = tuple(versions[version])
                kept = old.get((name, version))
                self._versions[name, version] = (
                    kept if kept and kept.rows == new else _encode(name, version, new)
                )
        self._documents = self._legacy(groups, registered)
        entries = {key: (_priority(each), each.aggregated) for key, each in self._versions.items()}
        entries |= remote
        self._aggregated = {
            "/api": _joined({key: each for key, each in entries.items() if not key[0]}),
            "/apis": _joined({key: each for key, each in entries.items() if key[0]}),
        }

    def legacy(self, path: str) -> Document | None:
        """Return the document at `/api`, `/apis`, `/apis/<g>`, `/api/v1` or `/apis/<g>/<v>`.

        A trailing slash is welcome; None says that there is nothing at that path.
        """
        return self._documents.get(path.rstrip("/"))

    def knows(self, group: str) -> bool:
        """Say whether any version of a group is served."""
        return f"/apis/{group}" in self._documents

    def aggregated(self, path: str) -> Document | None:
        """Return the APIGroupDiscoveryList at `/api` or `/apis`."""
        return self._aggregated.get(path)

    def _legacy(
        self, groups: list[_Group], registered: Mapping[str, Sequence[str]] | None
    ) -> dict[str, Document]:
        found: dict[str, Document] = {}
        core = [version for group in groups if not group.name for version in group.versions]
        cidrs = [{"clientCIDR": "0.0.0.0/0", "serverAddress": self._server_address}]
        found["/api"] = document(
            {"kind": "APIVersions", "versions": core, "serverAddressByClientCIDRs": cidrs}
        )
        served = [group for group in groups if group.name]
        listed = served
        if registered is not None:
            listed = [group for group in served if group.name == REGISTRATION[0]]
            listed += [_Group(name, tuple(known)) for name, known in registered.items() if name]
        found["/apis"] = document(
            {
                "kind": "APIGroupList",
                "apiVersion": "v1",
                "groups": [group.about() for group in listed],
            }
        )
        for group in (*served, *listed):
            found[f"/apis/{group.name}"] = document(
                {"kind": "APIGroup", "apiVersion": "v1", **group.about()}
            )
        for (name, version), encoded in self._versions.items():
            path = f"/apis/{name}/{version}" if name else f"/api/{version}"
            found[path] = encoded.resources
        return found


def _priority(version: _Version) -> Priority:
    row = version.rows[0]
    if (row.group, row.version) == REGISTRATION:
        return REGISTRATION_PRIORITY
    unknown = CUSTOM if row.custom is not None else UNKNOWN
    return BUILT_IN.get((row.group, row.version), unknown)


def _joined(entries: Mapping[tuple[str, str], tuple[Priority, bytes]]) -> Document:
    """Return an APIGroupDiscoveryList of the entries of versions, by group and version."""
    groups: dict[str, list[tuple[int, Any, bytes]]] = {}
    highest: dict[str, int] = {}
    for (name, version), (priority, entry) in entries.items():
        groups.setdefault(name, []).append((-priority.version, version_priority(version), entry))
        highest[name] = max(priority.group, highest.get(name, 0))
    items = []
    for name in sorted(groups, key=lambda each: (-highest[each], each)):
        versions = b",".join(entry for _, _, entry in sorted(groups[name]))
        metadata = orjson.dumps({"name": name} if name else {})
        items.append(b'{"metadata":' + metadata + b',"versions":[' + versions + b"]}")
    head = b'{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2",'
    return document(head + b'"metadata":{},"items":[' + b",".join(items) + b"]}")


def _encode(group: str, version: str, rows: tuple[Resource, ...]) -> _Version:
    """Encode one group version in both ways."""
    resources = [entry for row in rows for entry in _legacy_entries(row)]
    about: dict[str, Any] = {"kind": "APIResourceList"}
    if group:
        about["apiVersion"] = "v1"
    about["groupVersion"] = f"{group}/{version}" if group else version
    about["resources"] = resources
    aggregated = {
        "version": version,
        "resources": [_aggregated_entry(row) for row in rows],
        "freshness": "Current",
    }
    return _Version(rows, document(about), orjson.dumps(aggregated))


def _legacy_entries(row: Resource) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": list(row.verbs) if row.custom is not None else sorted(row.verbs),
    }
    if row.short:
        entry["shortNames"] = list(row.short)
    if row.categories:
        entry["categories"] = list(row.categories)
    if hashed := storage_version_hash(row):
        entry["storageVersionHash"] = hashed
    entries = [entry] if row.verbs else []
    for sub in row.subresources:
        below: dict[str, Any] = {
            "name": f"{row.plural}/{sub.name}",
            "singularName": "",
            "namespaced": row.namespaced,
        }
        if sub.group:
            below["group"] = sub.group
        if sub.version:
            below["version"] = sub.version
        below["kind"] = sub.kind or row.kind
        below["verbs"] = sorted(sub.verbs)
        entries.append(below)
    return entries


def _aggregated_entry(row: Resource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": row.plural,
        "responseKind": {"group": "", "version": "", "kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": sorted(row.verbs),
    }
    if row.short:
        entry["shortNames"] = list(row.short)
    if row.categories:
        entry["categories"] = list(row.categories)
    if row.subresources:
        entry["subresources"] = [_aggregated_subresource(row, sub) for sub in row.subresources]
    return entry


def _aggregated_subresource(row: Resource, sub: Subresource) -> dict[str, Any]:
    return {
        "subresource": sub.name,
        "responseKind": {
            "group": sub.group,
            "version": sub.version,
            "kind": sub.kind or row.kind,
        },
        "verbs": sorted(sub.verbs),
    }
