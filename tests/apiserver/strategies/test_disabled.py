"""Fields of features that are off are dropped on write, unless they are in use already."""

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.advice import ip_advice
from pinnace.apiserver.strategies.disabled import (
    drop_claim_fields,
    drop_pod_fields,
    drop_rolling_fields,
)
from pinnace.apiserver.strategies.podadvice import pod_advice


def spec() -> Object:
    return {
        "schedulingGroup": {"podGroupName": "g"},
        "containers": [{"name": "c", "lifecycle": {"stopSignal": "SIGTERM"}}],
        "volumes": [{"name": "v", "projected": {"sources": [{"clusterTrustBundle": {}}]}}],
    }


def test_a_pod_loses_what_is_not_enabled() -> None:
    made = spec()
    drop_pod_fields(made, None)
    assert made == {
        "containers": [{"name": "c"}],
        "volumes": [{"name": "v", "projected": {"sources": [{}]}}],
    }


def test_a_pod_keeps_what_it_has() -> None:
    made = spec()
    drop_pod_fields(made, spec())
    assert made == spec()


def test_claims_and_rolling_updates_lose_what_is_not_enabled() -> None:
    claim: Object = {"dataSourceRef": {"kind": "a", "name": "b", "namespace": "c"}}
    drop_claim_fields(claim, None)
    assert claim == {}
    rolling: Object = {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1, "partition": 0}}}
    drop_rolling_fields(rolling, None)
    assert rolling == {"updateStrategy": {"rollingUpdate": {"partition": 0}}}


def test_ports_that_overlap_earn_a_warning() -> None:
    ports: list[Object] = [{"containerPort": 80, "protocol": "TCP"}]
    pod: Object = {"spec": {"containers": [{"name": "a", "ports": ports + ports}]}}
    assert list(pod_advice(pod, "spec.template")) == [
        "spec.template.spec.containers[0].ports[1]: duplicate port definition with "
        "spec.template.spec.containers[0].ports[0]"
    ]


def test_addresses_that_are_written_oddly_earn_a_warning() -> None:
    assert list(ip_advice("1.2.3.4", "p")) == []
    assert list(ip_advice("1.2.3.04", "p")) == [
        'p: non-standard IP address "1.2.3.04" is invalid: use "1.2.3.4"'
    ]
    assert list(ip_advice("FD00::1", "p")) == [
        'p: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")'
    ]
