"""Reads an EncryptionConfiguration; what is wrong with one is said in upstream's words.

Upstream: apiserver `pkg/apis/apiserver/validation/validation_encryption.go`. Nothing that is said
contains a secret.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pinnace.api.codec import yaml
from pinnace.api.durations import parse_duration
from pinnace.api.errors import BadRequest

_VERSION = "apiserver.config.k8s.io/v1"
_SCHEME = "pkg/server/options/encryptionconfig/config.go"
_PROVIDERS = ("aesgcm", "aescbc", "secretbox", "identity", "kms")
_EXPECTED = (
    "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, "
    "Identity"
)
_TWO = (
    "more than one provider specified in a single element, should split into different list "
    "elements"
)
_SIZES = {"aesgcm": (16, 24, 32), "aescbc": (16, 24, 32), "secretbox": (32,)}
_KNOWN: dict[str, frozenset[str]] = {
    "": frozenset(("apiVersion", "kind", "resources")),
    "resources": frozenset(("resources", "providers")),
    "providers": frozenset(_PROVIDERS),
    "keys": frozenset(("name", "secret")),
    "kms": frozenset(("apiVersion", "name", "cachesize", "endpoint", "timeout")),
}
_NO_API = ("apiserveripinfo", "serviceipallocations", "servicenodeportallocations")
_KMS_SECONDS = 3.0
_KMSV1 = (
    "KMSv1 is deprecated and will only receive security updates going forward. Use KMSv2 instead.  "
    "Set --feature-gates=KMSv1=true to use the deprecated KMSv1 feature."
)


class EncryptionError(ValueError):
    """The configuration cannot be used; the text is one line for who wrote it."""


@dataclass(frozen=True, slots=True)
class Key:
    """A named key."""

    name: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.name!r})"


@dataclass(frozen=True, slots=True)
class Provider:
    """One way to encrypt; `keys` are for those that have keys, the rest is for kms."""

    kind: str
    keys: tuple[Key, ...] = ()
    name: str = ""
    endpoint: str = ""
    seconds: float = _KMS_SECONDS


@dataclass(frozen=True, slots=True)
class Rule:
    """How some resources are encrypted; group and resource, either of which may be `*`."""

    resources: tuple[tuple[str, str], ...]
    providers: tuple[Provider, ...]


@dataclass(frozen=True, slots=True)
class Encryption:
    """A configuration; `digest` tells versions of its file apart."""

    rules: tuple[Rule, ...]
    digest: str = ""


def load(path: str, *, reload: bool) -> Encryption:
    """Read a file; raises EncryptionError."""
    body = _content(path)
    try:
        return Encryption(read(body, path, reload=reload).rules, digest_of(body))
    except EncryptionError as error:
        raise EncryptionError(f"error while parsing file: {error}") from error


def changed(path: str, digest: str) -> bool:
    """Say whether a file is another than the one of this digest; raises EncryptionError."""
    return digest_of(_content(path)) != digest


def digest_of(body: bytes) -> str:
    """Return what is kept of a file to see that it changed: not its content."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _content(path: str) -> bytes:
    what = f'encryption provider configuration file "{path}"'
    try:
        body = Path(path).read_bytes()
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise EncryptionError(
            f"error while parsing file: error while loading file: error reading {what}: open "
            f"{path}: {why}"
        ) from error
    if not body:
        raise EncryptionError(
            f"error while parsing file: error while loading file: {what} is empty"
        )
    return body


def read(body: bytes, path: str = "", *, reload: bool = False) -> Encryption:
    """Read a configuration; raises EncryptionError."""
    decoding = f'error decoding encryption provider configuration file "{path}": '
    try:
        given, repeated = yaml.decode_strict(body)
    except BadRequest as error:
        raise EncryptionError(decoding + error.message) from error
    version, kind = given.get("apiVersion") or "", given.get("kind") or ""
    if not kind or not version:
        missing = "Kind" if not kind else "apiVersion"
        shown = "***"
        raise EncryptionError(f"{decoding}Object '{missing}' is missing in '{shown}'")
    if (version, kind) != (_VERSION, "EncryptionConfiguration"):
        raise EncryptionError(
            f'{decoding}no kind "{kind}" is registered for version "{version}" in scheme '
            f'"{_SCHEME}"'
        )
    strict = [*(line for one in repeated for line in yaml.single_errors(one)), *_unknown(given)]
    if strict:
        raise EncryptionError(f"{decoding}strict decoding error: {', '.join(strict)}")
    errors = list(_errors(given, reload=reload))
    if errors:
        raise EncryptionError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    return Encryption(tuple(_rule(one) for one in given["resources"]))


def _unknown(given: Any) -> Iterator[str]:
    """Yield what no such object has; raises EncryptionError for values of wrong shapes."""
    yield from _stray(given, "", "")
    for at, rule in enumerate(_list(given, "resources")):
        yield from _stray(rule, "resources", f"resources[{at}].")
        for number, provider in enumerate(_list(rule, "providers")):
            where = f"resources[{at}].providers[{number}]."
            yield from _stray(provider, "providers", where)
            for kind, config in provider.items():
                if kind == "kms" and config is not None:
                    yield from _stray(config, "kms", f"{where}kms.")
                elif kind in _SIZES and config is not None:
                    for place, key in enumerate(_list(config, "keys")):
                        yield from _stray(key, "keys", f"{where}{kind}.keys[{place}].")


def _stray(given: Any, what: str, where: str) -> Iterator[str]:
    if not isinstance(given, dict):
        raise EncryptionError(f"{where.rstrip('.') or 'the configuration'} is not an object")
    for name in given:
        if name not in _KNOWN[what]:
            yield f'unknown field "{where}{name}"'


def _list(given: Any, name: str) -> list[Any]:
    found = given.get(name) if isinstance(given, dict) else None
    if found is not None and not isinstance(found, list):
        raise EncryptionError(f"{name} is not a list")
    return found or []


def _q(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _errors(given: Any, *, reload: bool) -> Iterator[str]:
    rules = given.get("resources") or []
    if not rules:
        yield "resources: Required value: at least one resources is required"
    names: set[str] = set()
    for at, rule in enumerate(rules):
        where, chosen = f"resources[{at}].resources", rule.get("resources") or []
        providers = f"resources[{at}].providers"
        if not chosen:
            yield f"{where}: Required value: at least one {where} is required"
        yield from _overlaps(chosen, where)
        for place, resource in enumerate(chosen):
            why = _name_error(resource)
            if why:
                yield f"{where}[{place}]: Invalid value: {_q(resource)}: {why}"
        if not rule.get("providers"):
            yield f"{providers}: Required value: at least one {providers} is required"
        for number, provider in enumerate(rule.get("providers") or ()):
            yield from _provider_errors(provider, f"{providers}[{number}]", names, reload=reload)


def _group_resource(text: str) -> tuple[str, str]:
    """Return group and resource of `resource.group`."""
    resource, _, group = text.partition(".")
    return group, resource


def _overlaps(resources: list[str], where: str) -> Iterator[str]:
    parsed = [_group_resource(each) for each in resources]
    duplicate = len(set(parsed)) < len(parsed)
    distinct = set(parsed)
    groups = [group for group, _ in distinct]
    overlap = ("*", "*") in distinct and len(parsed) > 1 and len(distinct) > 1
    overlap |= any(resource == "*" and groups.count(group) > 1 for group, resource in distinct)
    # The same twice counts once as a duplicate, and then as an overlap if it is a wildcard.
    overlap |= any(one[1] == "*" and parsed.count(one) > 1 for one in distinct)
    said = f"{where}: Invalid value: {_q(resources)}: "
    if duplicate:
        yield f"{said}the same resource cannot be specified multiple times"
    if overlap:
        yield (
            f"{said}using overlapping resources such as 'secrets' and '*.' in the same resource "
            "list is not allowed as they will be masked"
        )


def _name_error(resource: str) -> str:
    group, plural = _group_resource(resource)
    if resource.lower() != resource:
        return "resource name should not contain capital letters"
    if resource == "*":
        return (
            "use '*.' to encrypt all the resources from core API group or *.* to encrypt all "
            "resources"
        )
    if resource in _NO_API:
        return "resources which do not have REST API/s cannot be encrypted"
    if group == "events.k8s.io":
        return (
            "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use "
            "'events' instead in the config file"
        )
    if group == "extensions":
        return "'extensions' group has been removed and cannot be used for encryption"
    if group == "*" and plural != "*":
        return "encrypting the same resource across groups is not supported"
    return ""


def _provider_errors(provider: Any, where: str, names: set[str], *, reload: bool) -> Iterator[str]:
    given = [kind for kind in _PROVIDERS if provider.get(kind) is not None]
    if len(given) != 1:
        why = _EXPECTED if not given else _TWO
        # Upstream prints the provider as Go does, keys included; that is no example to follow.
        yield f"{where}: Invalid value: {_q(dict.fromkeys(given, '...'))}: {why}"
    if "kms" in given:
        yield from _kms_errors(provider["kms"], f"{where}.kms", names, reload=reload)
        names.add(provider["kms"].get("name") or "")
        return
    for kind in ("aesgcm", "aescbc", "secretbox"):
        if kind in given:
            yield from _key_errors(provider[kind].get("keys"), f"{where}.{kind}.keys", _SIZES[kind])
            return


def _key_errors(keys: Any, where: str, sizes: tuple[int, ...]) -> Iterator[str]:
    if not keys:
        yield f"{where}: Required value: at least one keys is required"
    for at, key in enumerate(keys or ()):
        if not key.get("name"):
            yield f"{where}[{at}].name: Required value: name is a mandatory field for a key"
        if not key.get("secret"):
            yield f"{where}[{at}].secret: Required value: secret is a mandatory field for a key"
            continue
        redacted = f'{where}[{at}].secret: Invalid value: "REDACTED": '
        try:
            size = len(_secret(str(key["secret"])))
        except binascii.Error:
            yield f"{redacted}secrets must be base64 encoded"
            continue
        if size not in sizes:
            listed = " ".join(str(one) for one in sizes)
            yield (
                f"{redacted}secret is not of the expected length, got {size}, expected one of "
                f"[{listed}]"
            )


def _secret(text: str) -> bytes:
    """Decode base64 as Go does, which passes over line ends."""
    return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)


def _kms_errors(kms: Any, where: str, names: set[str], *, reload: bool) -> Iterator[str]:
    name, version = kms.get("name") or "", kms.get("apiVersion") or "v1"
    if not name:
        yield f"{where}.name: Required value: name is a mandatory field for a provider"
    said = f"{where}.name: Invalid value: {_q(name)}: "
    if version != "v1" and ":" in name:
        yield f"{said}invalid KMS provider name {name}, must not contain ':'"
    if (reload or version != "v1") and name in names:
        yield f"{said}duplicate KMS provider name {name}, names must be unique"
    timeout = kms.get("timeout")
    try:
        seconds = parse_duration(str(timeout)) if timeout is not None else _KMS_SECONDS
    except ValueError as error:
        raise EncryptionError(f"time: {error}") from error
    if seconds <= 0:
        yield f"{where}.timeout: Invalid value: {_q(timeout)}: timeout should be a positive value"
    yield from _endpoint_errors(kms.get("endpoint") or "", f"{where}.endpoint")
    size = kms.get("cachesize")
    if version != "v1" and size is not None:
        yield f"{where}.cachesize: Invalid value: {size}: cachesize is not supported in v2"
    if version == "v1" and size == 0:
        why = "cachesize should be a positive value, or negative to disable"
        yield f"{where}.cachesize: Invalid value: 0: {why}"
    if version not in ("v1", "v2"):
        why = "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are supported"
        yield f"{where}.apiVersion: Invalid value: {_q(version)}: {why}"


def _endpoint_errors(endpoint: str, where: str) -> Iterator[str]:
    said = f"{where}: Invalid value: {_q(endpoint)}: "
    if not endpoint:
        yield f"{said}endpoint is a mandatory field for a kms"
        return
    scheme = urlsplit(endpoint).scheme
    if scheme != "unix":
        yield f"{said}unsupported scheme {_q(scheme)} for KMS provider, only unix is supported"


def _rule(given: Any) -> Rule:
    resources = tuple(_group_resource(each) for each in given["resources"])
    return Rule(resources, tuple(_provider(each) for each in given["providers"]))


def _provider(given: Any) -> Provider:
    kind = next(name for name in _PROVIDERS if given.get(name) is not None)
    config = given[kind]
    if kind == "kms":
        if (config.get("apiVersion") or "v1") == "v1":
            raise EncryptionError(f"error while building transformers: {_KMSV1}")
        timeout = config.get("timeout")
        seconds = parse_duration(str(timeout)) if timeout is not None else _KMS_SECONDS
        return Provider(kind, name=config["name"], endpoint=config["endpoint"], seconds=seconds)
    keys = tuple(Key(key["name"], _secret(str(key["secret"]))) for key in config.get("keys") or ())
    return Provider(kind, keys=keys)
