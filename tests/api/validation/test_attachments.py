"""The rules of `attachments`, in the words of an upstream server asked the same."""

from typing import Any

import pytest
from tests.api.validation.replay import GONE, told, told_of_new

from pinnace.api.objects import Object

VA: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "VolumeAttachment",
    "metadata": {"name": "sample-va"},
    "spec": {
        "attacher": "a.example.com",
        "source": {"persistentVolumeName": "pv"},
        "nodeName": "n",
    },
    "status": {
        "attached": True,
        "attachmentMetadata": {"a": "b"},
        "attachError": {"time": "2004-01-01T01:01:01Z", "message": "m", "errorCode": 3},
        "detachError": {"message": "m"},
    },
}
VA_INLINE: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "VolumeAttachment",
    "metadata": {"name": "sample-va2"},
    "spec": {
        "attacher": "a.example.com",
        "source": {
            "inlineVolumeSpec": {
                "csi": {"driver": "d.example.com", "volumeHandle": "h"},
                "accessModes": ["ReadWriteOnce"],
            }
        },
        "nodeName": "n",
    },
}
CASES: list[tuple[Object, str, str, Any, list[str]]] = [
    (VA, "create", "spec.attacher", GONE, ["spec.attacher: Required value"]),
    (VA_INLINE, "create", "spec.attacher", GONE, ["spec.attacher: Required value"]),
    (
        VA_INLINE,
        "create",
        "spec.source.inlineVolumeSpec.csi",
        {},
        [
            "spec.source.inlineVolumeSpec.csi.driver: Required value",
            "spec.source.inlineVolumeSpec.csi.volumeHandle: Required value",
        ],
    ),
]


@pytest.mark.parametrize(("base", "how", "path", "value", "expected"), CASES)
def test_every_broken_rule_is_told(
    base: Object, how: str, path: str, value: Any, expected: list[str]
) -> None:
    assert told(base, how, path, value) == expected


@pytest.mark.parametrize("base", [VA, VA_INLINE])
def test_what_is_right_is_accepted(base: Object) -> None:
    assert told_of_new(base) == []
