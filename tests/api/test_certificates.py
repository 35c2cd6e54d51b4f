import base64
from datetime import UTC, datetime, timedelta

import pytest

from pinnace.api.certificates import (
    API_CLIENT,
    KUBELET_CLIENT,
    KUBELET_SERVING,
    is_for_kubelet_client,
    sign,
)
from pinnace.kit import x509

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CLIENT = ("digital signature", "client auth")
SERVER = ("digital signature", "server auth")


@pytest.fixture(scope="module")
def authority():
    return x509.make_authority("ca", now=NOW)


@pytest.fixture(scope="module")
def key(authority):
    return x509.issue(authority, x509.Subject("unused"), now=NOW).key


def csr(key, signer, *, name="system:node:n", groups=("system:nodes",), usages=CLIENT, dns=(),
        approved=True, **spec):  # fmt: skip
    request = x509.make_request(key, x509.Subject(name, groups), dns=dns)
    made = {"signerName": signer, "request": base64.b64encode(request).decode()}
    conditions = [{"type": "Approved", "status": "True"}] if approved else []
    return {
        "metadata": {"name": "r"},
        "spec": {**made, "usages": list(usages), **spec},
        "status": {"conditions": conditions},
    }


def certificate(signed):
    return x509.read_certificate(base64.b64decode(signed["status"]["certificate"]))


def test_an_approved_request_is_signed(authority, key):
    facts = certificate(sign(csr(key, KUBELET_CLIENT), authority, NOW))
    assert facts.subject == x509.Subject("system:node:n", ("system:nodes",))
    assert facts.not_after == NOW + x509.YEAR
    serving = csr(key, KUBELET_SERVING, usages=SERVER, dns=("n",))
    assert certificate(sign(serving, authority, NOW)).dns == ("n",)


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(60, 10), (3600, 60), (10**9, 365 * 24 * 60)], ids=str
)
def test_the_asked_for_lifetime_is_kept_within_bounds(authority, key, seconds, minutes):
    signed = sign(csr(key, KUBELET_CLIENT, expirationSeconds=seconds), authority, NOW)
    assert certificate(signed).not_after == NOW + timedelta(minutes=minutes)


def test_what_is_not_approved_or_not_ours_is_left_alone(authority, key):
    assert sign(csr(key, KUBELET_CLIENT, approved=False), authority, NOW) is None
    assert sign(csr(key, "example.com/x"), authority, NOW) is None
    signed = sign(csr(key, KUBELET_CLIENT), authority, NOW)
    assert sign(signed, authority, NOW) is None


@pytest.mark.parametrize(
    ("signer", "more", "why"),
    [
        (KUBELET_CLIENT, {"groups": ("a",)}, "subject organization is not system:nodes"),
        (KUBELET_CLIENT, {"dns": ("n",)}, "DNS subjectAltNames are not allowed"),
        (KUBELET_CLIENT, {"name": "n"}, "subject common name does not begin with system:node:"),
        (
            KUBELET_CLIENT,
            {"usages": SERVER},
            "usages did not match [client auth digital signature key encipherment]",
        ),
        (KUBELET_SERVING, {"usages": SERVER}, "DNS or IP subjectAltName is required"),
        (API_CLIENT, {"usages": SERVER}, "invalid usage for client certificate: server auth"),
    ],
)
def test_a_request_that_breaks_its_signers_rules_fails(authority, key, signer, more, why):
    made = csr(key, signer, **more)
    failed = sign(made, authority, NOW)
    assert "certificate" not in failed["status"]
    assert failed["status"]["conditions"][-1]["reason"] == "SignerValidationFailure"
    assert failed["status"]["conditions"][-1]["message"] == why
    assert not is_for_kubelet_client(made)


def test_garbage_fails_and_does_not_raise(authority, key):
    made = csr(key, KUBELET_CLIENT)
    made["spec"]["request"] = base64.b64encode(b"garbage").decode()
    failed = sign(made, authority, NOW)
    assert failed["status"]["conditions"][-1]["message"].startswith("unable to parse csr")
    assert not is_for_kubelet_client(made)
