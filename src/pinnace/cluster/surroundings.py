"""What a component is given when it starts: who it is, how it reaches the cluster, where it
lives."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from pinnace.client.accounts import Accounts
from pinnace.client.client import ApiClient
from pinnace.client.informer import SharedInformers
from pinnace.client.kubeconfig import Config
from pinnace.kit.clock import Clock, SystemClock


@dataclass(slots=True)
class Surroundings:
    """The clients and informers of the components in one process.

    Informers are shared by components that are given the same connection, so that what both watch
    is decoded and kept once.
    """

    stack: AsyncExitStack
    clock: Clock = field(default_factory=SystemClock)
    _informers: dict[Config, SharedInformers] = field(default_factory=dict)

    def client(self, connection: Config, *, component: str) -> ApiClient:
        """Return a client that is closed with the process."""
        client = connection.client(user_agent=f"pinnace-{component}")
        self.stack.push_async_callback(client.close)
        return client

    def accounts(self, connection: Config, client: ApiClient) -> Accounts:
        """Return who gives clients of service accounts; `client` asks for their tokens."""
        bare = replace(connection, certificate=b"", key=b"", token="", token_file=None)
        shared = bare.transport()
        self.stack.push_async_callback(shared.close)
        return Accounts(client, shared, self.clock)

    async def informers(self, connection: Config) -> SharedInformers:
        """Return the informers of a connection."""
        found = self._informers.get(connection)
        if found is None:
            client = self.client(connection, component="informers")
            made = SharedInformers(client, self.clock)
            found = self._informers[connection] = await self.stack.enter_async_context(made)
        return found


@asynccontextmanager
async def surroundings() -> AsyncIterator[Surroundings]:
    """Give the components of a process their surroundings, and take them away at the end."""
    async with AsyncExitStack() as stack:
        yield Surroundings(stack)


Ready = Callable[[], None]
