"""Options of a log are checked before any kubelet is asked, and its refusals become Statuses."""

from urllib.parse import parse_qs

import pytest

from pinnace.api.errors import BadRequest, Invalid
from pinnace.api.wire import Request
from pinnace.apiserver.connect.logs import log_query, refused


def query(text: str) -> str:
    pairs = parse_qs(text, keep_blank_values=True)
    return log_query(Request(method="GET", path="/", query=pairs), "p")


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("", ""),
        ("follow=true&previous=0&timestamps=false&container=c", "follow=true"),
        ("follow", "follow=true"),
        ("tailLines=0&limitBytes=1&sinceSeconds=5", "limitBytes=1&sinceSeconds=5&tailLines=0"),
        ("sinceTime=2026-01-01T02:00:00.5%2B02:00", "sinceTime=2026-01-01T00%3A00%3A00Z"),
        ("sinceTime=", "sinceTime=0001-01-01T00%3A00%3A00Z"),
        ("tailLines=5&tailLines=6", "tailLines=5"),
        ("insecureSkipTLSVerifyBackend=true&foo=bar", ""),
    ],
)
def test_the_kubelet_is_told_what_was_asked(asked: str, sent: str) -> None:
    assert query(asked) == sent


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("tailLines=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("sinceSeconds=", 'strconv.ParseInt: parsing "": invalid syntax'),
        (
            "limitBytes=99999999999999999999",
            'strconv.ParseInt: parsing "99999999999999999999": value out of range',
        ),
        (
            "sinceTime=nope",
            'parsing time "nope" as "2006-01-02T15:04:05Z07:00": cannot parse "nope" as "2006"',
        ),
    ],
)
def test_what_cannot_be_read_is_refused(asked: str, why: str) -> None:
    with pytest.raises(BadRequest) as found:
        query(asked)
    assert found.value.message == why


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ("tailLines=-1", "tailLines: Invalid value: -1: must be greater than or equal to 0"),
        ("limitBytes=0", "limitBytes: Invalid value: 0: must be greater than 0"),
        ("sinceSeconds=-1", "sinceSeconds: Invalid value: -1: must be greater than 0"),
        (
            "sinceSeconds=0&sinceTime=2026-01-01T00:00:00Z",
            "[]: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified",
        ),
        ("stream=Stdout", "stream: Forbidden: may not be specified"),
    ],
)
def test_options_without_meaning_are_refused(asked: str, why: str) -> None:
    with pytest.raises(Invalid) as found:
        query(asked)
    assert found.value.message == f'PodLogOptions "p" is invalid: {why}'


@pytest.mark.parametrize(
    ("code", "reason", "message"),
    [
        (400, "BadRequest", "said"),
        (404, "NotFound", "the server could not find the requested resource ( pods/log p)"),
        (500, "InternalError", "Internal error occurred: said"),
        (403, "Forbidden", "said ( pods/log p)"),
        (
            502,
            "InternalError",
            'an error on the server ("said") has prevented the request from succeeding '
            "( pods/log p)",
        ),
        (
            418,
            "",
            "the server responded with the status code 418 but did not return more information "
            "( pods/log p)",
        ),
    ],
)
def test_refusals_of_a_kubelet_become_statuses(code: int, reason: str, message: str) -> None:
    error = refused(code, "said", "p")
    assert (error.code, error.reason, error.message) == (code, reason, message)
