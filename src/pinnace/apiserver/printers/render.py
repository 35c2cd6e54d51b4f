"""Tables made straight from stored bytes, for lists that are long.

A row needs a few fields of an object and, beside the cells, its metadata as it stands. So of an
object's bytes only what its printer looks at is decoded (a `View`), and the metadata is copied
through. Kinds without a view are decoded as a whole; the answer is the same.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import orjson

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.printers.base import Printer
from pinnace.apiserver.printers.table import printer_for, table
from pinnace.apiserver.printers.views import VIEWS

View = Callable[[bytes], Object]


class _Metadata(msgspec.Struct):
    metadata: msgspec.Raw


_metadata = msgspec.json.Decoder(_Metadata)


def render_table(
    row: Resource,
    bodies: Iterable[bytes],
    *,
    now: datetime,
    include_object: str = "Metadata",
    list_metadata: Mapping[str, Any] | None = None,
    headers: bool = True,
    version: str = "v1",
    printer: Printer | None = None,
) -> bytes:
    """Return the JSON of the Table that `table` would return for the decoded objects."""
    chosen = printer or printer_for(row)
    frame = table(
        row,
        (),
        now=now,
        include_object=include_object,
        list_metadata=list_metadata,
        headers=headers,
        version=version,
        printer=chosen,
    )
    decode = _decoder(row) if printer is None else orjson.loads
    found = [(decode(body), body) for body in bodies]
    if chosen.order:
        order = chosen.order
        found.sort(key=lambda pair: order(pair[0]))
    included = _includer(include_object, f"meta.k8s.io/{version}")
    rows = [_row(chosen, obj, now, included(body)) for obj, body in found]
    return orjson.dumps(frame)[: -len(b"[]}")] + b"[" + b",".join(rows) + b"]}"


def _row(printer: Printer, obj: Object, now: datetime, included: bytes) -> bytes:
    entry: Object = {"cells": printer.cells(obj, now)}
    if conditions := printer.conditions(obj):
        entry["conditions"] = conditions
    return orjson.dumps(entry)[:-1] + b',"object":' + included + b"}"


def _includer(include_object: str, group_version: str) -> Callable[[bytes], bytes]:
    if include_object == "Object":
        return lambda body: body
    if include_object == "None":
        return lambda body: b"null"
    head = orjson.dumps({"kind": "PartialObjectMetadata", "apiVersion": group_version})[:-1]
    start = head + b',"metadata":'
    return lambda body: start + bytes(_metadata.decode(body).metadata) + b"}"


def _decoder(row: Resource) -> View:
    view = VIEWS.get((row.group, row.plural))
    if view is None:
        return orjson.loads

    def decode(body: bytes) -> Object:
        try:
            obj: Object = view(body)
        except msgspec.ValidationError:
            # Odd but stored all the same (a number where a word is expected): look at it whole.
            obj = orjson.loads(body)
        return obj

    return decode
