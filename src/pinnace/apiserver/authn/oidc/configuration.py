"""The AuthenticationConfiguration of a file, read strictly, and the old flags in its words.

It stays the plain object that it is in the file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pinnace.api.codec import yaml
from pinnace.api.codec.json import go_name
from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object

GROUP, KIND = "apiserver.config.k8s.io", "AuthenticationConfiguration"
VERSIONS = ("v1", "v1beta1", "v1alpha1")
Shape = Mapping[str, Any]
_TEXT, _FLAG = "string", "bool"
_MAPPING: Shape = {"claim": _TEXT, "expression": _TEXT}
_PREFIXED: Shape = {**_MAPPING, "prefix": _TEXT}
_AUTHENTICATOR: Shape = {
    "issuer": {
        "url": _TEXT,
        "discoveryURL": _TEXT,
        "certificateAuthority": _TEXT,
        "audiences": [_TEXT],
        "audienceMatchPolicy": _TEXT,
        "egressSelectorType": _TEXT,
    },
    "claimValidationRules": [
        {"claim": _TEXT, "requiredValue": _TEXT, "expression": _TEXT, "message": _TEXT}
    ],
    "claimMappings": {
        "username": _PREFIXED,
        "groups": _PREFIXED,
        "uid": _MAPPING,
        "extra": [{"key": _TEXT, "valueExpression": _TEXT}],
    },
    "userValidationRules": [{"expression": _TEXT, "message": _TEXT}],
}
_SHAPE: Shape = {
    "apiVersion": _TEXT,
    "kind": _TEXT,
    "jwt": [_AUTHENTICATOR],
    "anonymous": {"enabled": _FLAG, "conditions": [{"path": _TEXT}]},
}
_GO_TYPES = {_TEXT: (str, "string"), _FLAG: (bool, "bool")}


class Unreadable(ValueError):
    """A file that is no configuration; says why."""


def decode(data: bytes) -> Object:
    """Read a configuration, and nothing that it should not say; raises Unreadable."""
    if not data:
        raise Unreadable("empty config data")
    try:
        found, repeated = yaml.decode_document(data)
    except BadRequest as error:
        raise Unreadable(error.message) from error
    _check_kind(found)
    faults = [f"yaml: unmarshal errors:\n  {one}" for one in repeated]
    faults += _faults(found, _SHAPE, "")
    if faults:
        raise Unreadable(f"strict decoding error: {', '.join(faults)}")
    return found


def _check_kind(found: Object) -> None:
    version, kind = found.get("apiVersion"), found.get("kind")
    if not kind:
        raise Unreadable("Object 'Kind' is missing in the configuration")
    if not version:
        raise Unreadable("Object 'apiVersion' is missing in the configuration")
    group, _, bare = str(version).rpartition("/")
    if group != GROUP or bare not in VERSIONS or kind != KIND:
        raise Unreadable(
            f'no kind "{kind}" is registered for version "{version}" in scheme'
            ' "k8s.io/kubernetes/pkg/kubeapiserver/options/authentication.go"'
        )


def _faults(value: Any, shape: Any, path: str) -> list[str]:
    """Tell of unknown fields; raises Unreadable for values of wrong types."""
    if value is None:
        return []
    if isinstance(shape, str):
        wanted, named = _GO_TYPES[shape]
        if not isinstance(value, wanted):
            raise Unreadable(_mismatch(value, path, named))
        return []
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise Unreadable(_mismatch(value, path, "slice"))
        found = [_faults(one, shape[0], f"{path}[{index}]") for index, one in enumerate(value)]
        return [fault for faults in found for fault in faults]
    if not isinstance(value, dict):
        raise Unreadable(_mismatch(value, path, "struct"))
    faults = []
    for key, inner in value.items():
        where = f"{path}.{key}" if path else key
        if key not in shape:
            faults.append(f'unknown field "{where}"')
        else:
            faults += _faults(inner, shape[key], where)
    return faults


def _mismatch(value: Any, path: str, wanted: str) -> str:
    return (
        f"json: cannot unmarshal {go_name(value)} into Go struct field"
        f" {KIND}.{path} of type {wanted}"
    )


def text(obj: Mapping[str, Any], key: str) -> str:
    """Return a text of a configuration; empty if it is not there."""
    return str(obj.get(key) or "")


def part(obj: Mapping[str, Any], key: str) -> Object:
    """Return an object within a configuration; empty if it is not there."""
    return obj.get(key) or {}


def from_flags(
    *,
    issuer_url: str,
    client_id: str,
    username_claim: str,
    username_prefix: str,
    groups_claim: str,
    groups_prefix: str,
    required_claims: Sequence[tuple[str, str]],
    ca: str,
) -> Object:
    """Return the authenticator that upstream makes of its old flags."""
    if username_prefix == "" and username_claim != "email":
        username_prefix = f"{issuer_url}#"
    if username_prefix == "-":
        username_prefix = ""
    mappings: Object = {"username": {"claim": username_claim, "prefix": username_prefix}}
    if groups_claim:
        mappings["groups"] = {"claim": groups_claim, "prefix": groups_prefix}
    return {
        "issuer": {"url": issuer_url, "audiences": [client_id], "certificateAuthority": ca},
        "claimMappings": mappings,
        "claimValidationRules": [
            {"claim": claim, "requiredValue": value} for claim, value in required_claims
        ],
    }
