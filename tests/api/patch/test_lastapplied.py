"""From `kubectl apply` to `kubectl apply --server-side` and back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pinnace.api.errors import Conflict
from pinnace.api.kinds.core import CONFIGMAPS
from pinnace.api.patch.apply import apply, track
from pinnace.api.patch.lastapplied import ANNOTATION

TIME = datetime(2026, 1, 1, tzinfo=UTC)


def _config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def _applied_by_client(**data: str) -> dict[str, Any]:
    made = _config(**data)
    made["metadata"]["annotations"] = {ANNOTATION: json.dumps(_config(**data))}
    return track(None, made, CONFIGMAPS, manager="kubectl-client-side-apply", time=TIME)


def _apply(live: Any, applied: Any, manager: str = "kubectl") -> dict[str, Any]:
    return apply(live, applied, CONFIGMAPS, manager=manager, force=False, time=TIME)


def test_kubectl_takes_over_what_a_client_applied() -> None:
    made = _apply(_applied_by_client(a="1", b="2"), _config(a="changed", b="2"))
    assert made["data"] == {"a": "changed", "b": "2"}


def test_another_manager_is_in_conflict_with_it() -> None:
    with pytest.raises(Conflict, match="kubectl-client-side-apply"):
        _apply(_applied_by_client(a="1"), _config(a="2"), manager="else")


def test_what_someone_changed_since_is_still_in_conflict() -> None:
    live = _applied_by_client(a="1", b="1")
    edited = {**live, "data": {"a": "edited", "b": "1"}}
    live = track(live, edited, CONFIGMAPS, manager="edit", time=TIME)
    with pytest.raises(Conflict, match=r'1 conflict: conflict with "edit" using v1: \.data\.a'):
        _apply(live, _config(a="2", b="2"))


def test_the_annotation_follows_what_kubectl_applies() -> None:
    made = _apply(_applied_by_client(a="1"), _config(a="1", b="2"))
    kept = made["metadata"]["annotations"][ANNOTATION]
    assert json.loads(kept) == _config(a="1", b="2")
    assert kept.startswith('{"apiVersion":"v1","data":{"a":"1","b":"2"}')
    assert kept.endswith("\n")
    assert "annotations" not in _apply(None, _config(a="1"))["metadata"]
