import base64
from datetime import timedelta

import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.kinds.certificates import CERTIFICATESIGNINGREQUESTS
from pinnace.api.objects import parse_time
from pinnace.controllers.csr_cleaner import CSR_CLEANER, expiry

MADE = "2030-01-01T00:00:00Z"
TOLD = "2030-01-01T02:00:00Z"


def request(*kinds, certificate=b""):
    told = [{"type": kind, "status": "True", "lastUpdateTime": TOLD} for kind in kinds]
    status = {"conditions": told}
    if certificate:
        status["certificate"] = base64.b64encode(certificate).decode()
    return {"metadata": {"name": "r", "creationTimestamp": MADE}, "spec": {}, "status": status}


@pytest.mark.parametrize(
    ("found", "hours"),
    [
        pytest.param(request(), 24, id="pending"),
        pytest.param(request("Denied"), 3, id="denied"),
        pytest.param(request("Approved", "Failed"), 3, id="failed"),
        pytest.param(request("Approved"), 26, id="approved-not-issued"),
        pytest.param(request("Approved", certificate=b"x"), 3, id="issued"),
    ],
)
def test_when_a_request_may_go(found, hours):
    assert expiry(found) == parse_time(MADE) + timedelta(hours=hours)


async def test_deletes_a_request_that_nobody_sees_to():
    setup = [(CERTIFICATESIGNINGREQUESTS, {"metadata": {"name": "r"}, "spec": {}})]
    async with running(CSR_CLEANER, setup=setup) as it:
        await it.settle(86400)
        assert len(it.cluster.all(CERTIFICATESIGNINGREQUESTS)) == 1
        await it.settle(3601)
        assert it.cluster.all(CERTIFICATESIGNINGREQUESTS) == []
