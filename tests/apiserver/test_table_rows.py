"""Rows that are kept with their objects read the same as rows that are made anew."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from pinnace.api.codec.canonical import canonical_bytes
from pinnace.api.kinds.core import CONFIGMAPS, NAMESPACES, PODS
from pinnace.api.kinds.rbac import ROLES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.printers.rows import Rows
from pinnace.apiserver.printers.table import table
from pinnace.store.watchcache.item import Item

BORN = datetime(2026, 1, 2, tzinfo=UTC)
STAMP = "2026-01-02T00:00:00Z"
META = {"name": "a", "uid": "1", "creationTimestamp": STAMP, "labels": {"x": "é"}}
RESTARTED = {
    "name": "c",
    "restartCount": 2,
    "lastState": {"terminated": {"finishedAt": "2026-01-02T00:01:00Z"}},
}


@pytest.mark.parametrize(
    ("row", "obj"),
    [
        (PODS, {"metadata": META, "spec": {"containers": [{}]}, "status": {"phase": "Succeeded"}}),
        (PODS, {"metadata": META, "spec": {}, "status": {"containerStatuses": [RESTARTED]}}),
        (PODS, {"metadata": {"name": "a", "uid": "1"}, "spec": {}}),
        (PODS, {"metadata": {**META, "creationTimestamp": "nonsense"}}),
        (CONFIGMAPS, {"metadata": META, "data": {"a": "b"}}),
        (NAMESPACES, {"metadata": META, "status": {"phase": "Active"}}),
        (ROLES, {"metadata": META}),
    ],
)
def test_a_row_ages_as_if_it_were_made_anew(row: Resource, obj: Object) -> None:
    whole = {"kind": row.kind, "apiVersion": row.group_version, **obj}
    item = Item("k", namespace="", name="a", value=canonical_bytes(whole), revision=7)
    for age in (0, 1, 61, 3600, 10**7, 10**9):
        now = BORN + timedelta(seconds=age)
        wanted = table(row, [item.decode()], now=now)["rows"]
        for _ in range(2):
            made = Rows(row, version="v1", now=now).one(item)
            assert made == orjson.dumps(wanted)[1:-1]
