import base64
from datetime import timedelta

import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.kinds.certificates import CERTIFICATESIGNINGREQUESTS
from pinnace.controllers.base import Config
from pinnace.controllers.csr_signing import CSR_SIGNING, lifetime
from pinnace.controllers.shared.signers import CLIENT, KUBELET_CLIENT, KUBELET_SERVING, fault
from pinnace.kit.clock import VirtualClock
from pinnace.kit.x509 import (
    Facts,
    Subject,
    issue,
    make_authority,
    make_request,
    read_certificate,
)

NOW = VirtualClock().now()
AUTHORITY = make_authority("ca", now=NOW)
PAIR = AUTHORITY.key_pair
CONFIG = Config(signing_certificate=PAIR.certificate.decode(), signing_key=PAIR.key.decode())
CLIENT_USAGES = ["digital signature", "key encipherment", "client auth"]


def csr(*, approved=True, usages=CLIENT_USAGES):
    key = issue(AUTHORITY, Subject("x"), now=NOW).key
    request = base64.b64encode(make_request(key, Subject("jane", ("devs",)))).decode()
    told = [{"type": "Approved", "status": "True"}] if approved else []
    return {
        "metadata": {"name": "jane"},
        "spec": {"signerName": CLIENT, "request": request, "usages": usages},
        "status": {"conditions": told},
    }


async def after(request):
    async with running(CSR_SIGNING, config=CONFIG) as it:
        await it.cluster.create(CERTIFICATESIGNINGREQUESTS, request)
        await it.settle()
        (found,) = it.cluster.all(CERTIFICATESIGNINGREQUESTS)
        return found["status"]


async def test_an_approved_request_is_signed_as_it_is():
    status = await after(csr())
    facts = read_certificate(base64.b64decode(status["certificate"]))
    assert facts.subject == Subject("jane", ("devs",))


async def test_nothing_is_signed_that_is_not_approved():
    assert "certificate" not in await after(csr(approved=False))


async def test_a_request_that_breaks_its_signers_rules_fails():
    status = await after(csr(usages=["server auth"]))
    assert "certificate" not in status
    assert status["conditions"][-1]["message"] == (
        "invalid usage for client certificate: server auth"
    )


NODE = Subject("system:node:a", ("system:nodes",))


@pytest.mark.parametrize(
    ("signer", "asked", "usages", "expected"),
    [
        (KUBELET_CLIENT, Facts(NODE), CLIENT_USAGES, None),
        (KUBELET_CLIENT, Facts(NODE), ["digital signature", "client auth"], None),
        (
            KUBELET_CLIENT,
            Facts(Subject("system:node:a")),
            CLIENT_USAGES,
            "subject organization is not system:nodes",
        ),
        (
            KUBELET_CLIENT,
            Facts(NODE, dns=("a",)),
            CLIENT_USAGES,
            "DNS subjectAltNames are not allowed",
        ),
        (
            KUBELET_CLIENT,
            Facts(Subject("n", ("system:nodes",))),
            CLIENT_USAGES,
            "subject common name does not begin with system:node:",
        ),
        (
            KUBELET_CLIENT,
            Facts(NODE),
            ["digital signature", "server auth"],
            "usages did not match [client auth digital signature key encipherment]",
        ),
        (CLIENT, Facts(NODE), ["server auth"], "invalid usage for client certificate: server auth"),
        (
            KUBELET_SERVING,
            Facts(NODE),
            ["digital signature", "server auth"],
            "DNS or IP subjectAltName is required",
        ),
        (KUBELET_SERVING, Facts(NODE, dns=("a",)), ["digital signature", "server auth"], None),
        (
            KUBELET_SERVING,
            Facts(NODE, dns=("a",)),
            CLIENT_USAGES,
            "usages did not match [digital signature key encipherment server auth]",
        ),
    ],
)
def test_what_each_signer_demands(signer, asked, usages, expected):
    assert fault(signer, asked, usages) == expected


def test_a_certificate_lives_between_ten_minutes_and_a_year():
    assert lifetime(1) == timedelta(minutes=10)
    assert lifetime(10**9) == timedelta(days=365)
    assert lifetime(3600) == timedelta(hours=1)
