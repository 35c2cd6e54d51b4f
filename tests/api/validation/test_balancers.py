from typing import Any

from pinnace.api.validation.balancers import check_ingress_status, check_service_status
from pinnace.api.validation.base import Report

WHERE = "status.loadBalancer.ingress[0]"


def ingress(*points: Any) -> Any:
    return {"status": {"loadBalancer": {"ingress": list(points)}}}


def fields(now: Any, before: Any = None) -> list[str]:
    report = Report()
    check_ingress_status(report, now, before or {})
    return [cause.field for cause in report.causes]


def test_an_ingress_is_reached_at_addresses_and_names() -> None:
    assert fields(ingress({"ip": "10.0.0.1", "hostname": "a.example.com"})) == []
    assert fields(ingress({"ip": "x", "hostname": "Bad_"})) == [f"{WHERE}.ip", f"{WHERE}.hostname"]
    assert fields(ingress({"hostname": "10.0.0.1"})) == [f"{WHERE}.hostname"]


def test_a_strange_address_that_was_there_may_stay() -> None:
    held = ingress({"ip": "010.0.0.1"})
    assert fields(held, held) == []
    assert fields(held) == [f"{WHERE}.ip"]


def test_only_services_say_how_an_address_is_served() -> None:
    report = Report()
    service = {"spec": {"type": "LoadBalancer"}, **ingress({"ip": "10.0.0.1"})}
    check_service_status(report, service, {})
    assert [cause.field for cause in report.causes] == [f"{WHERE}.ipMode"]
