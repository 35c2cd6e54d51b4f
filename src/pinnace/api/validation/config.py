"""Rules of ConfigMaps, Secrets and Namespaces."""

import base64
import binascii
import json
from collections.abc import Mapping

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, too_long
from pinnace.api.validation.metadata import check_finalizer

LIMIT = 1024 * 1024
WHEN_SET = "field is immutable when `immutable` is set"
ACCOUNT_NAME = "kubernetes.io/service-account.name"
NEEDS_ALL: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def _decoded(report: Report, obj: Object, key: str) -> dict[str, bytes]:
    found = {}
    for name, text in report.mapping(obj, key, "").items():
        try:
            found[name] = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            report.invalid(f"{key}[{name}]", text, "must be base64")
    return found


def check_config_map(report: Report, config_map: Object) -> None:
    """Check a ConfigMap."""
    data = report.mapping(config_map, "data", "")
    binary = _decoded(report, config_map, "binaryData")
    size = 0
    for key, value in data.items():
        report.said(f"data[{key}]", key, names.config_map_key(key))
        if key in binary:
            report.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        size += len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    for key, content in binary.items():
        report.said(f"binaryData[{key}]", key, names.config_map_key(key))
        size += len(content)
    if size > LIMIT:
        report.add(too_long("", LIMIT))


def check_config_map_update(report: Report, config_map: Object, old: Object) -> None:
    """Check a ConfigMap that is changed."""
    _check_immutable(report, config_map, old, ("data", "binaryData"))
    check_config_map(report, config_map)


def _check_immutable(report: Report, obj: Object, old: Object, keys: tuple[str, ...]) -> None:
    if old.get("immutable") is not True:
        return
    if obj.get("immutable") is not True:
        report.forbidden("immutable", WHEN_SET)
    for key in keys:
        if (obj.get(key) or {}) != (old.get(key) or {}):
            report.forbidden(key, WHEN_SET)


def check_secret(report: Report, secret: Object) -> None:
    """Check a Secret: its keys, and those that its type needs."""
    data = _decoded(report, secret, "data")
    for key in data:
        report.said(f"data[{key}]", key, names.config_map_key(key))
    if sum(map(len, data.values())) > LIMIT:
        report.add(too_long("data", LIMIT))
    kind = report.text(secret, "type", "")
    if kind == "kubernetes.io/service-account-token":
        meta = secret.get("metadata")
        annotations = meta.get("annotations") if isinstance(meta, dict) else None
        if not isinstance(annotations, dict) or not annotations.get(ACCOUNT_NAME):
            report.required(f"metadata.annotations[{ACCOUNT_NAME}]")
    elif kind == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        report.required("data[username]")
        report.required("data[password]")
    for key in NEEDS_ALL.get(kind, ()):
        if key not in data or (kind.endswith("ssh-auth") and not data[key]):
            report.required(f"data[{key}]")
        elif key.startswith(".docker"):
            _check_json(report, data[key], f"data[{key}]")


def _check_json(report: Report, content: bytes, path: str) -> None:
    try:
        if isinstance(json.loads(content), dict | None):
            return
        why = "json: cannot unmarshal into Go value of type map[string]interface {}"
    except ValueError as error:
        why = str(error)
    report.invalid(path, "<secret contents redacted>", why)


def check_secret_update(report: Report, secret: Object, old: Object) -> None:
    """Check a Secret that is changed."""
    report.immutable(secret.get("type"), old.get("type"), "type")
    _check_immutable(report, secret, old, ("data",))
    check_secret(report, secret)


def check_namespace(report: Report, namespace: Object) -> None:
    """Check a new Namespace: who must have a say before it goes."""
    spec = report.child(namespace, "spec", "") or {}
    for name in report.texts(spec, "finalizers", "spec"):
        said = names.qualified_name(name)
        report.said("spec.finalizers", name, said)
        check_finalizer(report, name, "spec.finalizers")


def check_namespace_update(report: Report, namespace: Object, old: Object) -> None:
    """Check nothing but metadata: the finalizers have a door of their own."""


def check_namespace_status(report: Report, namespace: Object, old: Object) -> None:
    """Check that a namespace is Active or Terminating as its deletion says."""
    status = report.child(namespace, "status", "") or {}
    phase = report.text(status, "phase", "status")
    leaving = bool((old.get("metadata") or {}).get("deletionTimestamp"))
    if not leaving and phase != "Active":
        detail = "may only be 'Active' if `deletionTimestamp` is empty"
        report.invalid("status.Phase", phase, detail)
    if leaving and phase != "Terminating":
        detail = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        report.invalid("status.Phase", phase, detail)


def check_namespace_finalize(report: Report, namespace: Object, old: Object) -> None:
    """Check the finalizers that are left in the spec."""
    spec = report.child(namespace, "spec", "") or {}
    for index, name in enumerate(report.texts(spec, "finalizers", "spec")):
        path = f"spec.finalizers[{index}]"
        report.said(path, name, names.qualified_name(name))
        check_finalizer(report, name, path)
