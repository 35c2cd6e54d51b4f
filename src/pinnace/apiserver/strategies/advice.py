"""Warnings that a write earns without being refused: odd names, fields that do nothing."""

from collections.abc import Iterator
from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object

POD_NAME = "this is used in the Pod's hostname"
OWNER_NAME = "this is used in Pod names and hostnames"
RETIRED_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
RETIRED_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
}


def name_advice(obj: Object, why: str) -> Iterator[str]:
    """Warn of a name that is no DNS label although pods' names are made of it."""
    name = obj["metadata"].get("name")
    said = names.dns1123_label(name) if isinstance(name, str) else []
    if said:
        listed = " ".join(said)
        yield (
            f"metadata.name: {why}, which can result in surprising behavior; "
            f"a DNS label is recommended: [{listed}]"
        )


def pod_spec_advice(spec: Any, path: str) -> Iterator[str]:
    """Warn of what a pod's spec says in vain."""
    if not isinstance(spec, dict):
        return
    selector = spec.get("nodeSelector")
    for key in selector if isinstance(selector, dict) else ():
        if key in RETIRED_LABELS:
            yield f"{path}.nodeSelector[{key}]: {RETIRED_LABELS[key]}"
    for index, constraint in _listed(spec, "topologySpreadConstraints"):
        if constraint.get("labelSelector") is None:
            where = f"{path}.topologySpreadConstraints[{index}].labelSelector"
            yield f"{where}: a null labelSelector results in matching no pod"
    for index, volume in _listed(spec, "volumes"):
        for kind in volume:
            if kind in RETIRED_VOLUMES:
                yield f"{path}.volumes[{index}].{kind}: {RETIRED_VOLUMES[kind]}"
    seen: set[Any] = set()
    for index, secret in _listed(spec, "imagePullSecrets"):
        name = secret.get("name") or ""
        where = f"{path}.imagePullSecrets[{index}].name"
        if not name:
            yield f'{where}: invalid empty name ""'
        elif name in seen:
            yield f'{where}: duplicate name "{name}"'
        seen.add(name)


def _listed(spec: Object, key: str) -> Iterator[tuple[int, Object]]:
    listed = spec.get(key)
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, dict):
            yield index, entry
