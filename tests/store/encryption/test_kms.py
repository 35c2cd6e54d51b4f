"""KMS v2: one seed for many values, a new one for a new key, and a plug-in that is down."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pinnace.kit.clock import VirtualClock
from pinnace.store.encryption.base import NotLearned, TransformError
from pinnace.store.encryption.kms import Kms
from pinnace.store.encryption.kms_service import KmsService

HERE = b"/registry/secrets/n/a"


@pytest.fixture
async def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def kms(plugin: Any, clock: VirtualClock) -> AsyncIterator[Kms]:
    made = Kms("p", plugin, clock)
    await made.start()
    yield made
    await made.close()


async def test_one_seed_serves_all_values(kms: Kms, plugin: Any) -> None:
    stored = [kms.write(b"plain", HERE) for _ in range(3)]
    assert len(set(stored)) == 3
    assert all(kms.read(each, HERE) == (b"plain", False) for each in stored)
    assert plugin.calls == ["Status", "Encrypt"]


async def test_a_new_key_makes_a_new_seed_and_old_values_stale(
    kms: Kms, plugin: Any, clock: VirtualClock
) -> None:
    stored = kms.write(b"plain", HERE)
    plugin.key_id = "key-2"
    await clock.advance(60)
    assert kms.read(stored, HERE) == (b"plain", True)
    assert kms.read(kms.write(b"plain", HERE), HERE) == (b"plain", False)


async def test_values_of_another_server_are_learned_from_the_plugin(
    kms: Kms, plugin: Any, clock: VirtualClock
) -> None:
    other = Kms("p", plugin, clock)
    await other.start()
    stored = other.write(b"plain", HERE)
    with pytest.raises(NotLearned) as caught:
        kms.read(stored, HERE)
    await caught.value.learn()
    assert kms.read(stored, HERE) == (b"plain", False)
    await other.close()


async def test_writes_end_three_minutes_after_the_plugin_was_well_and_reads_go_on(
    kms: Kms, plugin: Any, clock: VirtualClock
) -> None:
    stored = kms.write(b"plain", HERE)
    plugin.down = True
    await clock.advance(179)
    kms.write(b"plain", HERE)
    await clock.advance(2)
    with pytest.raises(TransformError, match=r'^encryptedDEKSource with keyID hash "sha256:.* exp'):
        kms.write(b"plain", HERE)
    assert kms.read(stored, HERE) == (b"plain", False)
    plugin.down = False
    await clock.advance(10)
    kms.write(b"plain", HERE)


async def test_a_plugin_may_come_up_after_the_server(plugin: Any, clock: VirtualClock) -> None:
    plugin.down = True
    kms = Kms("p", plugin, clock)
    await kms.start()
    with pytest.raises(TransformError, match=r"^got unexpected nil transformer$"):
        kms.write(b"plain", HERE)
    plugin.down = False
    await asyncio.sleep(0)  # the watch over the plug-in begins
    await clock.advance(10)
    assert kms.read(kms.write(b"plain", HERE), HERE) == (b"plain", False)
    await kms.close()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"healthz": "ill"}, "got unexpected healthz status: ill"),
        ({"version": "v1"}, "expected KMSv2 API version v2, got v1"),
        ({"key_id": ""}, 'got invalid KMSv2 KeyID hash "": keyID is empty'),
        ({"version": "v2beta1"}, "should not change after the initial status response version v2"),
    ],
)
async def test_what_is_wrong_with_a_plugin_is_said(
    kms: Kms, plugin: Any, clock: VirtualClock, wrong: dict[str, str], why: str
) -> None:
    for name, value in wrong.items():
        setattr(plugin, name, value)
    await clock.advance(61)
    with pytest.raises(TransformError) as caught:
        await kms.check()
    assert str(caught.value).startswith("kmsv2 Provider p is not healthy, error: ")
    assert why in str(caught.value)


async def test_a_plugin_whose_calls_disagree_is_not_well(plugin: Any, clock: VirtualClock) -> None:
    class Fickle(type(plugin)):  # type: ignore[misc]
        async def encrypt(self, plain: bytes, uid: str) -> Any:
            self.key_id += "x"
            return await super().encrypt(plain, uid)

    kms = Kms("p", Fickle(), clock)
    with pytest.raises(TransformError, match=r'failed to rotate DEK uid=".*", useSeed=true'):
        await kms.check()


async def test_a_plugin_is_spoken_to_over_its_socket(plugin: Any, socket: str) -> None:
    service = KmsService(socket, 3.0)
    assert await service.status() == await plugin.status()
    source = await service.encrypt(b"seed", "u")
    assert source == await plugin.encrypt(b"seed", "u")
    assert await service.decrypt(source, "u") == b"seed"
    await service.close()


async def test_a_socket_where_nobody_listens_is_waited_for_no_longer_than_told() -> None:
    service = KmsService("unix:///no/such.sock", 0.05)
    with pytest.raises(TransformError, match=r"^rpc error: code = DeadlineExceeded desc = "):
        await service.status()
    await service.close()
