"""A webhook is asked whose a token is; what it cannot say opens nothing."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from pinnace.api.wire import User
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.apiserver.authn.token_cache import TokenCache
from pinnace.apiserver.authn.webhook import TokenWebhook, WebhookTokens

JANE = {"username": "jane", "uid": "7", "groups": ["devs"], "extra": {"a": ["b"]}}


class Hook:
    """Answers reviews with what it is told to; a number is a status that is no success."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[Any] = []
        self.waits: list[float] = []
        self.tokens: WebhookTokens

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        told = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(told, int):
            return web.Response(status=told)
        return web.json_response({"kind": "TokenReview", "status": told})

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    found = Hook()
    app = web.Application()
    app.router.add_post("/authn", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/authn"
    webhook = TokenWebhook(url=url, version="v1")
    found.tokens = WebhookTokens(webhook, ("api",), found.sleep, lambda: 0.0)
    yield found
    await found.tokens.close()
    await runner.cleanup()


async def test_its_user_is_the_caller(hook: Hook) -> None:
    hook.answers = [{"authenticated": True, "user": JANE}]
    found = await hook.tokens.authenticate_token("t", ("api",))
    assert found is not None
    assert found.user == User("jane", ("devs",), "7", {"a": ("b",)})
    assert found.audiences == ("api",)
    assert hook.asked[0]["spec"] == {"token": "t", "audiences": ["api"]}
    assert hook.asked[0]["apiVersion"] == "authentication.k8s.io/v1"


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"authenticated": False, "user": JANE},
        {"authenticated": "true", "user": JANE},
        {"authenticated": True, "user": JANE, "audiences": ["other"]},
    ],
)
async def test_whom_it_does_not_know_is_nobody(hook: Hook, status: Any) -> None:
    hook.answers = [status]
    assert await hook.tokens.authenticate_token("t", ("api",)) is None


async def test_its_error_is_told(hook: Hook) -> None:
    hook.answers = [{"error": "go away"}]
    with pytest.raises(InvalidToken, match="go away"):
        await hook.tokens.authenticate_token("t", ("api",))


@pytest.mark.parametrize("user", [["jane"], {"groups": "devs"}, {"extra": {"a": "b"}}])
async def test_an_answer_that_is_none_is_refused(hook: Hook, user: Any) -> None:
    hook.answers = [{"authenticated": True, "user": user}]
    with pytest.raises(InvalidToken, match="cannot unmarshal"):
        await hook.tokens.authenticate_token("t", ("api",))


async def test_it_is_asked_again_where_that_may_help(hook: Hook) -> None:
    hook.answers = [500, 429, {"authenticated": True, "user": JANE}]
    assert await hook.tokens.authenticate_token("t", ("api",)) is not None
    assert hook.waits == [0.5, 0.75]
    hook.answers, hook.waits = [500], []
    with pytest.raises(InvalidToken):
        await hook.tokens.authenticate_token("t", ("api",))
    assert len(hook.waits) == 4
    hook.answers, hook.waits = [403], []
    with pytest.raises(InvalidToken):
        await hook.tokens.authenticate_token("t", ("api",))
    assert hook.waits == []


async def test_answers_are_remembered_and_errors_are_not(hook: Hook) -> None:
    time = [0.0]
    cache = TokenCache(hook.tokens, lambda: time[0], success_seconds=10, failure_seconds=10)
    hook.answers = [{"authenticated": True, "user": JANE}]
    for moment, asked in ((0.0, 1), (9.0, 1), (10.0, 2)):
        time[0] = moment
        assert await cache.authenticate_token("t", ("api",)) is not None
        assert len(hook.asked) == asked
    hook.answers = [403]
    for _ in range(2):
        with pytest.raises(InvalidToken):
            await cache.authenticate_token("other", ("api",))
    assert len(hook.asked) == 4
