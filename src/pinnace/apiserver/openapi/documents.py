"""The documents at `/openapi/v3` and `/openapi/v2`, made when asked for and then kept.

The index at `/openapi/v3` names a document per group version with a hash of its bytes in the URL,
so that clients may keep it for ever. The hash needs the bytes: the first index makes all documents,
keeps their hashes and lets the bytes (4 MB) go; later ones make only those whose rows changed. What
is made from the same rows has the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from pinnace.api.resources import Resource
from pinnace.api.schema.load import Schema
from pinnace.apiserver.discovery import Document, document
from pinnace.apiserver.openapi import protobuf
from pinnace.apiserver.openapi.custom import Custom, definition_name, render_custom
from pinnace.apiserver.openapi.custom_operations import custom_operations
from pinnace.apiserver.openapi.descriptions import Descriptions, shared
from pinnace.apiserver.openapi.merging import merge
from pinnace.apiserver.openapi.operations import Operation, operations, render_v2, render_v3, root
from pinnace.apiserver.openapi.roots import roots
from pinnace.apiserver.openapi.schemas import V2, V3, Dialect, render_all
from pinnace.apiserver.openapi.watches import watches

_WATCH = "application/json;stream=watch"
_INFO = {"title": "Kubernetes", "version": "1.36"}
_BEARER = {
    "BearerToken": {
        "description": "Bearer Token authentication",
        "in": "header",
        "name": "authorization",
        "type": "apiKey",
    }
}
# No answer names it, but clients look for it wherever something can be watched.
_WATCH_EVENT = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"
_CUSTOM_NEEDS = (
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
    "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta",
)


@dataclass(frozen=True, slots=True)
class Remote:
    """Documents of extension servers: where those of the third version are, by path, and those of
    the second with the path below which they count."""

    v3: Mapping[str, str]
    v2: Sequence[tuple[str, bytes]] = ()


NO_REMOTE = Remote({})


class OpenApi:
    """All OpenAPI documents of a server."""

    def __init__(
        self,
        rows: Iterable[Resource],
        schema: Schema,
        *,
        descriptions: Descriptions | None = None,
    ) -> None:
        self._schema = schema
        self._remote = NO_REMOTE
        self._descriptions = descriptions or shared()
        self._rows: dict[str, tuple[Resource, ...]] = {}
        self._customs: dict[str, tuple[Custom, ...]] = {}
        self._roots: dict[str, Operation] = {}
        self._v3: dict[str, Document] = {}
        self._hashes: dict[str, str] = {}
        self._index: Document | None = None
        self._v2: Document | None = None
        self._v2_protobuf: Document | None = None
        self.update(rows)

    def update(
        self,
        rows: Iterable[Resource],
        customs: Iterable[Custom] = (),
        remote: Remote = NO_REMOTE,
    ) -> None:
        """Take the given built-in rows, custom kinds and remote documents as all there are.

        Rows of custom kinds may be among `rows` too; they are described by their `Custom`.
        """
        self._remote = remote
        customs = tuple(customs)
        described = {custom.row for custom in customs}
        by_path: dict[str, list[Resource]] = {}
        custom_by_path: dict[str, list[Custom]] = {}
        for row in rows:
            if row not in described:
                by_path.setdefault(_path(row), []).append(row)
        for custom in customs:
            custom_by_path.setdefault(_path(custom.row), []).append(custom)
        new = {path: tuple(found) for path, found in by_path.items()}
        new_customs = {path: tuple(found) for path, found in custom_by_path.items()}
        same = {
            path
            for path in self._hashes.keys() | self._v3.keys()
            if new.get(path) == self._rows.get(path)
            and new_customs.get(path) == self._customs.get(path)
        }
        self._v3 = {path: kept for path, kept in self._v3.items() if path in same}
        self._hashes = {path: kept for path, kept in self._hashes.items() if path in same}
        self._rows, self._customs = new, new_customs
        self._roots = roots(row for found in new.values() for row in found)
        self._index = self._v2 = self._v2_protobuf = None

    def index(self) -> Document:
        """Return the document at `/openapi/v3`."""
        if self._index is None:
            urls = {
                path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={self.hash_of(path)}"}
                for path in sorted({*self._rows, *self._customs, *self._roots})
            }
            urls |= {path: {"serverRelativeURL": url} for path, url in self._remote.v3.items()}
            self._index = document({"paths": dict(sorted(urls.items()))})
        return self._index

    def v3(self, path: str) -> Document | None:
        """Return the document at `/openapi/v3/<path>`, where path is `api/v1`, `apis/apps/v1`."""
        if not any(path in known for known in (self._rows, self._customs, self._roots)):
            return None
        if path not in self._v3:
            made = document(self._make_v3(path))
            self._v3[path] = made
            self._hashes[path] = made.etag.strip('"')
        return self._v3[path]

    def hash_of(self, path: str) -> str:
        """Return the hash that stands in the URL of a document: its ETag without the quotes."""
        if path not in self._hashes:
            self._hashes[path] = document(self._make_v3(path)).etag.strip('"')
        return self._hashes[path]

    def v2(self) -> Document:
        """Return the document at `/openapi/v2`, in JSON."""
        if self._v2 is None:
            self._v2 = document(self._make_v2())
        return self._v2

    def v2_protobuf(self) -> Document:
        """Return the document at `/openapi/v2`, in protobuf."""
        if self._v2_protobuf is None:
            body = protobuf.encode(self._make_v2())
            self._v2_protobuf = document(body, protobuf.CONTENT_TYPE)
        return self._v2_protobuf

    def _make_v3(self, path: str) -> dict[str, Any]:
        rows, customs = self._rows.get(path, ()), self._customs.get(path, ())
        group_version = next((row.group_version for row in rows), "")
        group_version = group_version or next((each.row.group_version for each in customs), "")
        found = list(self._operations(rows, customs))
        if path in self._roots:
            found.append(self._roots[path])
        components: dict[str, Any] = {"securitySchemes": _BEARER}
        if schemas := self._definitions(found, customs, V3, group_version):
            components = {"schemas": schemas, **components}
        return {
            "openapi": "3.0.0",
            "info": _INFO,
            "paths": render_v3(found),
            "components": components,
        }

    def _make_v2(self) -> dict[str, Any]:
        rows = [row for found in self._rows.values() for row in found]
        customs = [custom for found in self._customs.values() for custom in found]
        operations_found = [*self._roots.values(), *self._operations(rows, customs)]
        made = {
            "swagger": "2.0",
            "info": _INFO,
            "paths": render_v2(operations_found),
            "definitions": self._definitions(operations_found, customs, V2, ""),
            "securityDefinitions": _BEARER,
            "security": [{"BearerToken": []}],
        }
        for below, body in self._remote.v2:
            with suppress(orjson.JSONDecodeError, AttributeError, TypeError):
                merge(made, orjson.loads(body), below)
        return made

    def _operations(
        self, rows: Sequence[Resource], customs: Sequence[Custom]
    ) -> Iterator[Operation]:
        names = self._schema.kinds()
        seen: set[str] = set()
        for row in rows:
            if row.path not in seen:
                seen.add(row.path)
                yield root(row)
        for row in rows:
            yield from operations(row, names)
            yield from watches(row)
        for custom in customs:
            row = custom.row
            own = {
                (row.group, row.version, row.kind): definition_name(row),
                (row.group, row.version, row.list_kind): definition_name(row, row.list_kind),
            }
            yield from custom_operations(row, {**names, **own})

    def _definitions(
        self,
        found: Iterable[Operation],
        customs: Iterable[Custom],
        dialect: Dialect,
        group_version: str,
    ) -> dict[str, Any]:
        names = {name for operation in found for name in (operation.body, operation.answer)}
        if any(_WATCH in operation.answer_types for operation in found):
            names.add(_WATCH_EVENT)
        out: dict[str, Any] = {}
        for custom in customs:
            names |= set(_CUSTOM_NEEDS)
            out |= render_custom(custom, dialect)
        built_in = render_all(
            self._schema, names - {""}, dialect, self._descriptions, group_version=group_version
        )
        return {**built_in, **out}


def _path(row: Resource) -> str:
    return row.path.removeprefix("/")
