from typing import Any

import pytest

from pinnace.api.objects import Object
from pinnace.apiserver.aggregation.availability import judged, slices_of
from pinnace.apiserver.aggregation.registered import ServiceRef, with_available

REF = ServiceRef("ns", "api", 443)


def service(port: int = 443, name: str = "https", **spec: Any) -> Object:
    return {"spec": {"ports": [{"port": port, "name": name}], **spec}}


def endpoints(name: str = "https", ready: bool | None = True, of: str = "api") -> Object:
    return {
        "metadata": {"labels": {"kubernetes.io/service-name": of}},
        "ports": [{"name": name, "port": 8443}],
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": ready}}],
    }


CASES = [
    (None, [], "ServiceNotFound", 'service/api in "ns" is not present'),
    (service(80), [], "ServicePortError", 'service/api in "ns" is not listening on port 443'),
    (service(), [], "EndpointsNotFound", 'cannot find endpointslices for service/api in "ns"'),
    (
        service(),
        [endpoints(ready=False), endpoints("other")],
        "MissingEndpoints",
        'endpointslices for service/api in "ns" have no addresses with port name "https"',
    ),
]


@pytest.mark.parametrize(("found", "slices", "reason", "message"), CASES)
def test_what_a_service_lacks_is_told(
    found: Object | None, slices: list[Object], reason: str, message: str
) -> None:
    assert judged(REF, found, slices) == {"status": "False", "reason": reason, "message": message}


def test_a_service_with_endpoints_is_to_be_asked_and_so_is_one_of_another_type() -> None:
    assert judged(REF, service(), [endpoints(ready=None)]) is None
    assert judged(REF, service(80, type="ExternalName"), []) is None


def test_slices_belong_to_the_service_that_their_label_names() -> None:
    own = endpoints()
    assert slices_of(REF, [own, endpoints(of="other"), {"metadata": {}}]) == [own]


def test_the_time_of_a_condition_changes_with_its_state_alone() -> None:
    first = with_available({}, {"status": "False", "reason": "A", "message": "a"}, "1")
    same = with_available(first, {"status": "False", "reason": "B", "message": "b"}, "2")
    assert same["conditions"] == [
        {
            "type": "Available",
            "lastTransitionTime": "1",
            "status": "False",
            "reason": "B",
            "message": "b",
        }
    ]
    other = with_available(same, {"status": "True", "reason": "C", "message": "c"}, "3")
    assert other["conditions"][0]["lastTransitionTime"] == "3"
