"""EncryptionConfiguration: what is refused, in upstream's words, and never with a secret."""

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from pinnace.kit.clock import VirtualClock
from pinnace.store.encryption.settings import EncryptionError, load, read
from pinnace.store.encryption.transformers import Transformers, check, resource_of

KEY = base64.b64encode(b"0123456789abcdef" * 2).decode()
GCM = {"aesgcm": {"keys": [{"name": "a", "secret": KEY}]}}


def body(*rules: Any, **more: Any) -> bytes:
    given = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration"}
    return orjson.dumps({**given, "resources": list(rules), **more})


def rule(*resources: str, providers: Any = (GCM,)) -> Any:
    return {"resources": list(resources), "providers": list(providers)}


def kms(**more: Any) -> Any:
    given = {"apiVersion": "v2", "name": "k", "endpoint": "unix:///x", **more}
    return rule("secrets", providers=[{"kms": given}])


def keyed(kind: str, *keys: Any) -> Any:
    return rule("secrets", providers=[{kind: {"keys": list(keys)}}])


MASKED = "in the same resource list is not allowed as they will be masked"
AT = "resources[0].resources"
PROVIDER = "resources[0].providers[0]"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (body(), "resources: Required value: at least one resources is required"),
        (body(rule()), f"{AT}: Required value: at least one {AT} is required"),
        (
            body(rule("secrets", providers=[])),
            "resources[0].providers: Required value: at least one resources[0].providers is "
            "required",
        ),
        (
            body(rule("secrets", "secrets")),
            f'{AT}: Invalid value: ["secrets","secrets"]: the same resource cannot be specified '
            "multiple times",
        ),
        (
            body(rule("secrets", "*.")),
            f'{AT}: Invalid value: ["secrets","*."]: using overlapping resources such as '
            f"'secrets' and '*.' {MASKED}",
        ),
        (body(rule("pods", "*.*")), MASKED),
        (body(rule("a.apps", "*.apps")), MASKED),
        (body(rule("Secrets")), "resource name should not contain capital letters"),
        (body(rule("*")), "use '*.' to encrypt all the resources from core API group"),
        (body(rule("apiserveripinfo")), "resources which do not have REST API/s"),
        (body(rule("events.events.k8s.io")), "Use 'events' instead in the config file"),
        (body(rule("x.extensions")), "'extensions' group has been removed"),
        (body(rule("pods.*")), "encrypting the same resource across groups is not supported"),
        (body(rule("a", providers=[{}])), "provider does not contain any of the expected"),
        (
            body(rule("a", providers=[{**GCM, "identity": {}}])),
            "more than one provider specified in a single element",
        ),
        (
            body(keyed("aescbc")),
            f"{PROVIDER}.aescbc.keys: Required value: at least one keys is required",
        ),
        (
            body(keyed("aescbc", {"name": "a", "secret": "YQ=="})),
            f'{PROVIDER}.aescbc.keys[0].secret: Invalid value: "REDACTED": secret is not of the '
            "expected length, got 1, expected one of [16 24 32]",
        ),
        (
            body(keyed("secretbox", {"name": "a", "secret": "YWJjZGVmZ2hpamtsbW5vcA=="})),
            "got 16, expected one of [32]",
        ),
        (
            body(keyed("aesgcm", {"name": "a", "secret": "?"})),
            f'{PROVIDER}.aesgcm.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 '
            "encoded",
        ),
        (body(keyed("aesgcm", {"secret": KEY})), "name is a mandatory field for a key"),
        (body(keyed("aesgcm", {"name": "a"})), "secret is a mandatory field for a key"),
        (body(kms(name="")), "name is a mandatory field for a provider"),
        (body(kms(name="a:b")), "invalid KMS provider name a:b, must not contain ':'"),
        (body(kms(endpoint="")), "endpoint is a mandatory field for a kms"),
        (
            body(kms(endpoint="http://x")),
            f'{PROVIDER}.kms.endpoint: Invalid value: "http://x": unsupported scheme "http" for '
            "KMS provider, only unix is supported",
        ),
        (body(kms(timeout="0s")), "timeout should be a positive value"),
        (body(kms(cachesize=5)), "cachesize is not supported in v2"),
        (body(kms(apiVersion="v3")), "only v1 and v2 are supported"),
        (body(kms(), kms()), "duplicate KMS provider name k, names must be unique"),
        (body(kms(apiVersion="v1")), "KMSv1 is deprecated and will only receive security updates"),
        (body(rule("a"), foo=1), 'strict decoding error: unknown field "foo"'),
        (b"kind: X\napiVersion: v1\n", 'no kind "X" is registered for version "v1"'),
    ],
)
def test_a_wrong_configuration_is_refused(given: bytes, why: str) -> None:
    with pytest.raises(EncryptionError) as caught:
        read(given)
    assert why in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ((rule("*."), rule("secrets")), 'resource "secrets" is masked by earlier rule "*."'),
        ((rule("*.apps"), rule("a.apps")), 'resource "a.apps" is masked by earlier rule "*.apps"'),
        ((rule("*.*"), rule("*.apps")), 'resource "*.apps" is masked by earlier rule "*.*"'),
    ],
)
def test_a_rule_that_an_earlier_one_hides_is_refused(rules: Any, why: str) -> None:
    with pytest.raises(EncryptionError) as caught:
        check(read(body(*rules)))
    assert str(caught.value) == f"error while building transformers: {why}"


def test_the_most_exact_rule_counts() -> None:
    made = Transformers(
        read(body(rule("events", providers=[{"identity": {}}]), rule("*.apps"), rule("*."))),
        VirtualClock(),
    )
    assert made.of("", "events") is not made.of("", "pods") is not None
    assert made.of("apps", "deployments") is made.of("apps", "daemonsets")
    assert made.of("batch", "jobs") is None


@pytest.mark.parametrize(
    ("key", "resource"),
    [
        ("/registry/secrets/n/a", ("", "secrets")),
        ("/registry/services/specs/n/a", ("", "services")),
        ("/registry/example.com/things/n/a", ("example.com", "things")),
        ("/registry/ranges/serviceips", None),
        ("compact_rev_key", None),
    ],
)
def test_keys_tell_of_which_resource_they_are(key: str, resource: Any) -> None:
    known = {"/registry/secrets": ("", "secrets"), "/registry/services/specs": ("", "services")}
    assert resource_of(key, known) == resource


def test_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    with pytest.raises(EncryptionError, match="no such file or directory"):
        load(str(path), reload=False)
    path.touch()
    with pytest.raises(EncryptionError, match="is empty"):
        load(str(path), reload=False)
    path.write_bytes(body(rule("secrets")))
    assert load(str(path), reload=False).digest.startswith("sha256:")
