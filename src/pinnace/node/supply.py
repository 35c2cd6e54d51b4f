"""What volumes are made from, on this node."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.kit.clock import Clock
from pinnace.node.downward import Facts
from pinnace.node.imagepull import ImagePuller, PullFailed
from pinnace.node.lookups import Lookups
from pinnace.node.mounts import Mounts
from pinnace.node.runtime import Runtime
from pinnace.node.volumes.base import Token, VolumeError


class NodeSupply:
    """`volumes.base.Supply` over the client, the runtime and the kernel."""

    def __init__(
        self,
        lookups: Lookups,
        runtime: Runtime,
        clock: Clock,
        mounts: Mounts,
        facts: Callable[[], Facts],
    ) -> None:
        self._lookups = lookups
        self._clock = clock
        self._facts = facts
        self._puller = ImagePuller(runtime, clock.now)
        self.mounts = mounts

    async def find(self, resource: Resource, namespace: str, name: str) -> Object | None:
        return await self._lookups.find(resource, namespace, name)

    async def token(self, pod: Object, *, audience: str, seconds: int) -> Token:
        return await self._lookups.token(pod, audience=audience, seconds=seconds)

    async def ensure_image(self, pod: Object, image: str, policy: str) -> str:
        async def secrets() -> list[Mapping[str, Any]]:
            return await self._lookups.pull_secrets(pod)

        try:
            found = await self._puller.ensure(
                image, policy, sandbox=None, secrets=secrets, tell=lambda *_: None
            )
        except PullFailed as error:
            raise VolumeError(error.message) from error
        return found.id

    def facts(self, pod: Object) -> Facts:
        return self._facts()

    def now(self) -> datetime:
        return self._clock.now()
