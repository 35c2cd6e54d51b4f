"""Calls to etcd: the door to gRPC. Foreign errors are mapped here."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import grpc
import grpc.aio

from pinnace.store.base import StoreError, StoreUnavailable, TooLarge
from pinnace.store.etcd.messages import Messages
from pinnace.store.etcd.settings import EtcdSettings

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # An etcd that comes back is found within a second, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # A peer that is gone without a word is noticed, as upstream's client notices it.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Two stores in one process do not share a connection; each closes its own.
    ("grpc.use_local_subchannel_pool", 1),
)
# How long a call waits for one server to be connected before it tries the next.
_CONNECT = 1.0
_METHODS = {
    "Range": "KV",
    "Txn": "KV",
    "Compact": "KV",
    "LeaseGrant": "Lease",
    "Status": "Maintenance",
}
_REQUESTS = {"Compact": "Compaction"}
_COMPACTED = "required revision has been compacted"
_FUTURE = "required revision is a future revision"


class HistoryGone(StoreError):
    """etcd has compacted what was asked for; it does not say up to where."""


class FutureRevision(StoreError):
    """etcd is not at that revision yet."""


def error_of(failure: grpc.RpcError) -> StoreError:
    """Turn a failed call into one of the store's own errors."""
    code, details = failure.code(), failure.details() or ""
    match code:
        case grpc.StatusCode.OUT_OF_RANGE if _COMPACTED in details:
            return HistoryGone(details)
        case grpc.StatusCode.OUT_OF_RANGE if _FUTURE in details:
            return FutureRevision(details)
        case grpc.StatusCode.UNAVAILABLE | grpc.StatusCode.DEADLINE_EXCEEDED:
            return StoreUnavailable(f"etcd is not available: {details or code.name}")
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "database space exceeded" in details:
            return StoreUnavailable(details)
        case grpc.StatusCode.INVALID_ARGUMENT if "request is too large" in details:
            return TooLarge(details)
        case _:
            return StoreError(details or code.name)


class EtcdClient:
    """Connections to the servers of one etcd cluster, one of them in use."""

    def __init__(self, settings: EtcdSettings) -> None:
        self.messages = Messages()
        credentials = _credentials(settings)
        self._channels = [_channel(url, credentials) for url in settings.servers]
        self._calls: list[dict[str, Any]] = [{} for _ in self._channels]
        self._at = 0

    async def call(self, name: str, *, deadline: float, **fields: object) -> Any:
        """Make one call and return its answer; raises StoreError.

        A call is sent once, over a connection that stands: whether a write whose answer is lost was
        carried out is for its sender to find out.
        """
        at = await self._connected()
        request = _REQUESTS.get(name, name)
        call = self._calls[at].get(name)
        if call is None:
            call = self._calls[at][name] = self._channels[at].unary_unary(
                f"/etcdserverpb.{_METHODS[name]}/{name}",
                request_serializer=self.messages[f"{request}Request"].SerializeToString,
                response_deserializer=self.messages[f"{request}Response"].FromString,
            )
        try:
            return await call(self.messages[f"{request}Request"](**fields), timeout=deadline)
        except grpc.RpcError as failure:
            self._avoid(at, failure)
            raise error_of(failure) from failure
        except grpc.aio.UsageError as failure:
            raise StoreUnavailable("the connection to etcd is closed") from failure
        except asyncio.CancelledError:
            # Closing the connection cancels its calls, but not the tasks that wait for them.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise StoreUnavailable("the connection to etcd is closed") from None

    async def watch(self, **fields: object) -> AsyncIterator[Any]:
        """Yield the answers of one watch until it is closed; raises StoreError."""
        at = await self._connected()
        messages = self.messages
        call = self._channels[at].stream_stream(
            "/etcdserverpb.Watch/Watch",
            request_serializer=messages["WatchRequest"].SerializeToString,
            response_deserializer=messages["WatchResponse"].FromString,
        )()
        try:
            wanted = messages["WatchCreateRequest"](**fields)
            await call.write(messages["WatchRequest"](create_request=wanted))
            while (answer := await call.read()) is not grpc.aio.EOF:
                yield answer
        except (grpc.RpcError, asyncio.InvalidStateError) as failure:
            if not isinstance(failure, grpc.RpcError):
                raise StoreUnavailable("etcd ended a watch") from failure
            self._avoid(at, failure)
            raise error_of(failure) from failure
        except grpc.aio.UsageError as failure:
            raise StoreUnavailable("the connection to etcd is closed") from failure
        finally:
            call.cancel()

    async def _connected(self) -> int:
        """Return the place of a server that is connected; raises StoreUnavailable."""
        for _ in self._channels:
            at = self._at
            channel = self._channels[at]
            try:
                async with asyncio.timeout(_CONNECT):
                    while True:
                        state = channel.get_state(try_to_connect=True)
                        if state is grpc.ChannelConnectivity.READY:
                            return at
                        if state is grpc.ChannelConnectivity.SHUTDOWN:
                            raise StoreUnavailable("the connection to etcd is closed")
                        await channel.wait_for_state_change(state)
            except TimeoutError:
                self._at = (at + 1) % len(self._channels)
        raise StoreUnavailable("etcd is not available: no server can be connected")

    def _avoid(self, at: int, failure: grpc.RpcError) -> None:
        """Take the next server after one that is not available."""
        if failure.code() is grpc.StatusCode.UNAVAILABLE and at == self._at:
            self._at = (at + 1) % len(self._channels)

    async def close(self) -> None:
        """Close all connections and cancel what is under way."""
        for channel in self._channels:
            await channel.close()


def _credentials(settings: EtcdSettings) -> Any:
    def read(path: Any) -> bytes | None:
        try:
            return path.read_bytes() if path is not None else None
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error

    return grpc.ssl_channel_credentials(
        root_certificates=read(settings.ca_file),
        private_key=read(settings.key_file),
        certificate_chain=read(settings.cert_file),
    )


def _channel(url: str, credentials: Any) -> Any:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StoreError(f"{url} is not the URL of an etcd server")
    target = f"{parts.netloc}" if parts.port else f"{parts.netloc}:2379"
    if parts.scheme == "https":
        return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
    return grpc.aio.insecure_channel(target, options=_OPTIONS)
