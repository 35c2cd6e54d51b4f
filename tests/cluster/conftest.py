"""A whole cluster in this process, with simulated nodes."""

from collections.abc import AsyncIterator

import pytest

from pinnace import Cluster


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with Cluster(nodes=3) as running:
        yield running
