"""The labels and annotations by which sandboxes and containers are known again, and the hash."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from pinnace.node.podspec import Declared, name_of, namespace_of, uid_of

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
# Tells the containers of this kubelet from whatever else runs in the same runtime.
NODE = "io.pinnace.node"

HASH = "io.kubernetes.container.hash"
RESOURCES = "io.pinnace.container.resources"
RESTART_COUNT = "io.kubernetes.container.restartCount"
MESSAGE_PATH = "io.kubernetes.container.terminationMessagePath"
MESSAGE_POLICY = "io.kubernetes.container.terminationMessagePolicy"
GRACE = "io.kubernetes.pod.terminationGracePeriod"


def container_hash(spec: Mapping[str, Any]) -> str:
    """Return a hash of what makes a container another one when it changes: name and image."""
    chosen = orjson.dumps([spec.get("name"), spec.get("image")])
    return hashlib.sha256(chosen).hexdigest()[:8]


def pod_labels(pod: Mapping[str, Any], node: str) -> dict[str, str]:
    """Return the labels of a Pod's sandbox: its own and those that identify it."""
    own = pod["metadata"].get("labels") or {}
    return {**own, **identity(pod, node)}


def identity(pod: Mapping[str, Any], node: str) -> dict[str, str]:
    """Return the labels that say whose a sandbox or container is."""
    return {
        POD_NAME: name_of(pod),
        POD_NAMESPACE: namespace_of(pod),
        POD_UID: uid_of(pod),
        NODE: node,
    }


def container_annotations(
    pod: Mapping[str, Any], container: Declared, restart_count: int
) -> dict[str, str]:
    """Return what has to be known of a container even when its Pod is gone from the API."""
    spec = container.spec
    return {
        HASH: container_hash(spec),
        RESTART_COUNT: str(restart_count),
        RESOURCES: orjson.dumps(spec.get("resources") or {}).decode(),
        MESSAGE_PATH: str(spec.get("terminationMessagePath") or "/dev/termination-log"),
        MESSAGE_POLICY: str(spec.get("terminationMessagePolicy") or "File"),
        GRACE: str(pod["spec"].get("terminationGracePeriodSeconds", 30)),
    }
