import pytest

from pinnace.api.errors import ApiError, ServiceUnavailable
from pinnace.api.wire import Hijack, Request, Response, Stream, User
from pinnace.client.transport import InProcess, Token
from pinnace.kit.clock import VirtualClock


async def frames():
    yield b"a"
    yield b"b"


def app(answer):
    async def handle(request):
        return answer

    return InProcess(handle, User("me"))


async def test_a_stream_that_was_not_asked_for_is_collected():
    answer = await app(Stream(frames=frames())).send(Request(method="GET", path="/"))
    assert isinstance(answer, Response)
    assert answer.body == b"ab"


async def test_a_stream_that_was_asked_for_is_handed_on():
    answer = await app(Stream(frames=frames())).send(Request(method="GET", path="/"), stream=True)
    assert isinstance(answer, Stream)


async def test_what_needs_a_connection_of_its_own_is_refused():
    async def run(request):
        return None

    with pytest.raises(ApiError, match="wants a connection of its own"):
        await app(Hijack(run=run)).send(Request(method="GET", path="/exec"))


async def test_a_token_file_is_read_again_after_a_minute_and_may_vanish(tmp_path):
    file, clock = tmp_path / "token", VirtualClock()
    file.write_text("one\n")
    token = Token(file=file, clock=clock)
    assert token.value() == "one"
    file.write_text("two")
    assert token.value() == "one"
    await clock.advance(61)
    assert token.value() == "two"
    file.unlink()
    await clock.advance(61)
    assert token.value() == "two"


def test_a_token_file_that_never_was_is_an_error(tmp_path):
    with pytest.raises(ServiceUnavailable, match="cannot read the token"):
        Token(file=tmp_path / "none", clock=VirtualClock()).value()
