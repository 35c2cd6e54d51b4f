"""Defaults of the core group's kinds that run nothing themselves."""

import base64

from pinnace.api.defaults.base import canonical_resources, child, ensured, entries, fill, fill_text
from pinnace.api.defaults.volumes import default_volume_source
from pinnace.api.objects import Object


def default_namespace(namespace: Object) -> None:
    """Label a namespace with its name and call it Active."""
    meta = ensured(namespace, "metadata")
    if meta.get("name"):
        ensured(meta, "labels")["kubernetes.io/metadata.name"] = meta["name"]
    fill_text(ensured(namespace, "status"), "phase", "Active")


def default_node(node: Object) -> None:
    """Make what a node has allocatable, and keep podCIDR and podCIDRs the same."""
    spec = child(node, "spec")
    one, many = spec.get("podCIDR"), spec.get("podCIDRs")
    if one and (not many or (isinstance(many, list) and many[0] != one)):
        spec["podCIDRs"] = [one]
    elif not one and many and isinstance(many, list):
        spec["podCIDR"] = many[0]
    status = child(node, "status")
    canonical_resources(status.get("capacity"))
    canonical_resources(status.get("allocatable"))
    if status.get("allocatable") is None and isinstance(status.get("capacity"), dict):
        status["allocatable"] = dict(status["capacity"])


def default_secret(secret: Object) -> None:
    """Call a secret Opaque, and fold `stringData`, which is never stored, into `data`."""
    fill_text(secret, "type", "Opaque")
    texts = secret.get("stringData")
    if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
        data = ensured(secret, "data") if texts else {}
        for key, text in texts.items():
            data[key] = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")
        del secret["stringData"]
    elif texts is None:
        secret.pop("stringData", None)


def default_persistent_volume(volume: Object) -> None:
    """Fill in a PersistentVolume: kept when released, a file system."""
    fill_text(ensured(volume, "status"), "phase", "Pending")
    spec = ensured(volume, "spec")
    fill_text(spec, "persistentVolumeReclaimPolicy", "Retain")
    fill(spec, "volumeMode", "Filesystem")
    canonical_resources(spec.get("capacity"))
    default_volume_source(spec)


def default_limit_range(limit_range: Object) -> None:
    """Derive a container's default limit and request from the limits that are given."""
    for item in entries(child(limit_range, "spec"), "limits"):
        for key in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
            canonical_resources(item.get(key))
        if item.get("type") != "Container":
            continue
        limits, requests = ensured(item, "default"), ensured(item, "defaultRequest")
        for source, into in (("max", limits), ("default", requests), ("min", requests)):
            for name, amount in child(item, source).items():
                into.setdefault(name, amount)
        for key in ("default", "defaultRequest"):
            if not item[key]:
                del item[key]


def default_resource_quota(quota: Object) -> None:
    """Write quantities canonically."""
    canonical_resources(child(quota, "spec").get("hard"))
    canonical_resources(child(quota, "status").get("hard"))
    canonical_resources(child(quota, "status").get("used"))
