import pytest

from pinnace.node.cri.health import decode_response, encode_request
from pinnace.node.probes.base import Asked, ProbeError, port_number
from pinnace.node.probes.exec import ask
from pinnace.node.probes.http import headers_of, url_of
from pinnace.node.probes.tcp import dial_error
from pinnace.node.probes.thresholds import Run, counted, verdict
from pinnace.node.runtime import ExecResult, RuntimeCallError, RuntimeDeadline


@pytest.mark.parametrize(
    ("answers", "probe", "wanted"),
    [
        ([False, False], {}, [None, None]),
        ([False, False, False], {}, [None, None, False]),
        ([False, True, False], {"failureThreshold": 2}, [None, True, None]),
        ([True, True], {"successThreshold": 2}, [None, True]),
        ([False], {"failureThreshold": 1}, [False]),
    ],
)
def test_enough_answers_in_a_row_make_a_result(answers, probe, wanted):
    run, found = Run(), []
    for answer in answers:
        run = counted(run, answer)
        found.append(verdict(run, probe))
    assert found == wanted


async def outcome(answer):
    async def execute(command, *, timeout):
        if isinstance(answer, Exception):
            raise answer
        return answer

    handler = {"command": ["cat", "x"]}
    return await ask(Asked(handler=handler, host="", ports={}, timeout=1, execute=execute))


async def test_exec_judges_by_the_exit_code():
    good = await outcome(ExecResult(stdout=b"ok", stderr=b"", exit_code=0))
    assert good.ok
    bad = await outcome(ExecResult(stdout=b"a", stderr=b"b", exit_code=1))
    assert (bad.ok, bad.output) == (False, "ab")
    late = await outcome(RuntimeDeadline("x"))
    assert (late.ok, late.output) == (False, 'command timed out: "cat x" timed out after 1s')
    with pytest.raises(ProbeError):
        await outcome(RuntimeCallError("down"))


def test_urls_are_made_from_the_handler():
    handler = {"port": "web", "path": "healthz?x=1", "scheme": "HTTPS"}
    assert url_of(handler, "10.0.0.5", {"web": 8443}) == "https://10.0.0.5:8443/healthz?x=1"
    assert url_of({"port": 80}, "fd00::1", {}) == "http://[fd00::1]:80/"
    assert url_of({"port": 80, "host": "h"}, "1.1.1.1", {}) == "http://h:80/"
    with pytest.raises(ProbeError):
        port_number("none", {})


def test_own_headers_replace_the_usual_ones():
    handler = {"httpHeaders": [{"name": "user-agent", "value": "mine"}]}
    assert headers_of(handler) == [("Accept", "*/*"), ("user-agent", "mine")]
    assert ("User-Agent", "kube-probe/1.36") in headers_of({})


def test_dialling_fails_in_gos_words():
    refused = ConnectionRefusedError(111, "Connection refused")
    assert dial_error("10.0.0.5", 80, refused) == (
        "dial tcp 10.0.0.5:80: connect: connection refused"
    )
    assert dial_error("10.0.0.5", 80, TimeoutError()) == "dial tcp 10.0.0.5:80: i/o timeout"


def test_the_health_protocol_is_spoken_in_bytes():
    assert encode_request("") == b""
    assert encode_request("abc") == b"\x0a\x03abc"
    assert encode_request("x" * 200)[:3] == b"\x0a\xc8\x01"
    assert [decode_response(each) for each in (b"\x08\x01", b"\x08\x02", b"")] == [
        "SERVING",
        "NOT_SERVING",
        "UNKNOWN",
    ]
