import asyncio

from pinnace.api.errors import NotFound
from pinnace.api.wire import Request, Response
from pinnace.client.accounts import Accounts
from pinnace.kit.clock import VirtualClock


class Server:
    """Makes accounts and their tokens, and takes those that it has not revoked."""

    def __init__(self):
        self.accounts = set()
        self.made = []
        self.good = set()
        self.seen = []

    async def create(self, resource, obj, *, namespace="", name="", subresource=""):
        if not subresource:
            self.accounts.add(obj["metadata"]["name"])
            return obj
        if name not in self.accounts:
            raise NotFound("serviceaccounts not found")
        await asyncio.sleep(0)
        token = f"{name}-{len(self.made)}"
        self.made.append(token)
        self.good.add(token)
        return {"spec": obj["spec"], "status": {"token": token}}

    async def send(self, request, *, stream=False):
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.seen.append(token)
        return Response(status=200 if token in self.good else 401, body=b"{}")

    async def close(self):
        raise AssertionError("the connections belong to all accounts")


def clients():
    server, clock = Server(), VirtualClock()
    return server, clock, Accounts(server, server, clock)


ASKED = Request(method="GET", path="/version")


async def test_each_account_has_one_token_and_all_share_connections():
    server, _, accounts = clients()
    one, two = (accounts.client(name, user_agent="x") for name in ("a", "b"))
    await asyncio.gather(*(one._transport.send(ASKED) for _ in range(3)))
    await two._transport.send(ASKED)
    assert server.seen == ["a-0", "a-0", "a-0", "b-1"]
    assert server.accounts == {"a", "b"}
    assert ASKED.headers == {}
    await one.close()


async def test_a_token_is_renewed_before_it_ends():
    server, clock, accounts = clients()
    client = accounts.client("a", user_agent="x")
    for _ in range(2):
        await client._transport.send(ASKED)
        await clock.advance(2881.0)
    await client._transport.send(ASKED)
    assert server.seen == ["a-0", "a-1", "a-2"]


async def test_a_token_that_is_taken_no_more_is_asked_for_anew():
    server, _, accounts = clients()
    client = accounts.client("a", user_agent="x")
    await client._transport.send(ASKED)
    server.good.clear()
    assert (await client._transport.send(ASKED)).status == 200
    assert server.seen == ["a-0", "a-0", "a-1"]
