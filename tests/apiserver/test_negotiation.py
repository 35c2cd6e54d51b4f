"""An Accept header is read as upstream reads it, oddities included."""

import pytest

from pinnace.api.errors import NotAcceptable
from pinnace.api.wire import Request
from pinnace.apiserver.negotiation import (
    JSON,
    PROTOBUF,
    YAML,
    Accepted,
    negotiate,
    negotiate_discovery,
    wants_pretty,
)

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Accepted()),
        ("*/*", Accepted(JSON)),
        ("application/*", Accepted(JSON)),
        ("*", Accepted(JSON)),
        (YAML, Accepted(YAML)),
        ("application/json;q=0.1,application/yaml", Accepted(YAML)),
        ("application/json;q=nonsense,application/yaml;q=0.1", Accepted(YAML)),
        (TABLE, Accepted(JSON, "Table", "v1")),
        (f"{TABLE},application/json", Accepted(JSON, "Table", "v1")),
        (TABLE.replace("v=v1", "v=v9") + ",application/json", Accepted(JSON)),
        ("text/html,application/json;pretty=1", Accepted(JSON, pretty=True)),
        ("application/json;stream=watch", Accepted(JSON)),
        ("application/json;stream=x,application/yaml", Accepted(YAML)),
    ],
)
def test_the_first_clause_that_can_be_satisfied_counts(header: str, expected: Accepted) -> None:
    assert negotiate(header, shapes=("Table",)) == expected


@pytest.mark.parametrize("header", ["text/html", "json", TABLE, "application/json;as=Table"])
def test_what_cannot_be_satisfied_is_refused(header: str) -> None:
    with pytest.raises(NotAcceptable) as refused:
        negotiate(header)
    assert refused.value.message == (
        "only the following media types are accepted: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf"
    )
    assert "details" not in refused.value.status()


def test_a_wildcard_comes_after_what_is_named() -> None:
    assert negotiate("*/*,application/yaml").media == YAML


def test_aggregated_discovery_goes_before_the_legacy_one() -> None:
    assert negotiate_discovery(f"application/json,{AGGREGATED};q=0.1") is not None
    assert negotiate_discovery("application/json") is None
    assert negotiate_discovery(AGGREGATED.replace("v=v2", "v=v2beta1")) is None
    wanted = negotiate_discovery(AGGREGATED.replace(JSON, PROTOBUF))
    assert wanted is not None
    assert wanted.media == PROTOBUF


@pytest.mark.parametrize(
    ("query", "agent", "expected"),
    [
        ({}, "kubectl", False),
        ({}, "curl/8", True),
        ({"pretty": [""]}, "kubectl", False),
        ({"pretty": ["true"]}, "kubectl", True),
        ({"pretty": ["0"]}, "curl/8", False),
        ({"pretty": ["yes"]}, "curl/8", False),
    ],
)
def test_answers_are_pretty_for_people(
    query: dict[str, list[str]], agent: str, expected: bool
) -> None:
    request = Request(method="GET", path="/", query=query, headers={"user-agent": agent})
    assert wants_pretty(request) is expected
