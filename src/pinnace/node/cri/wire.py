"""Calls over the CRI's socket: methods by name, fields as plain values, foreign errors mapped.

The message classes are made at run time from `facts.binpb` (see `tools/cri_descriptors.py`) in a
pool of their own, so that no other package's protobuf descriptors can clash with them.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from pinnace.node.runtime import (
    NotSupported,
    RuntimeCallError,
    RuntimeDeadline,
    RuntimeNotFound,
    RuntimeUnavailable,
)

# The runtimes' own limit; a node full of containers answers with more than gRPC's default of 4 MB.
_MAX_MESSAGE = 16 * 1024 * 1024
_OPTIONS = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    # A runtime that comes back is found within a second, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # An authority made of the socket's path is refused by some servers.
    ("grpc.default_authority", "localhost"),
)


@dataclass(frozen=True, slots=True)
class Method:
    """One call: where it is served, and the classes of its request and its answer."""

    path: str
    request: type[Message]
    answer: type[Message]


def load_methods() -> dict[str, Method]:
    """Return every method of the CRI that the facts list, by its name."""
    data = resources.files("pinnace.node.cri").joinpath("facts.binpb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    methods: dict[str, Method] = {}
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.Add(file)
        for service in file.service:
            for method in service.method:
                kinds = [
                    message_factory.GetMessageClass(pool.FindMessageTypeByName(name.lstrip(".")))
                    for name in (method.input_type, method.output_type)
                ]
                path = f"/{file.package}.{service.name}/{method.name}"
                methods[method.name] = Method(path, kinds[0], kinds[1])
    return methods


def error_of(method: str, failure: grpc.RpcError) -> RuntimeCallError:
    """Turn a failed call into one of the room's own errors."""
    code, details = failure.code(), failure.details() or ""
    match code:
        case grpc.StatusCode.NOT_FOUND:
            return RuntimeNotFound(details)
        case grpc.StatusCode.UNIMPLEMENTED:
            return NotSupported(f"the runtime does not serve {method}")
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return RuntimeDeadline(details)
        case grpc.StatusCode.UNAVAILABLE:
            return RuntimeUnavailable(details)
        case _:
            return RuntimeCallError(details or code.name)


class Wire:
    """A connection to a CRI socket."""

    def __init__(self, socket: Path) -> None:
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=_OPTIONS)
        self._methods = load_methods()
        self._calls: dict[str, Any] = {}

    async def call(self, name: str, /, *, deadline: float | None, **fields: object) -> Any:
        """Make one call and return its answer; raises RuntimeCallError only.

        A field may be a mapping for a message, a sequence, a name for an enum; None is "not set".
        """
        method = self._methods[name]
        call = self._calls.get(name)
        if call is None:
            call = self._calls[name] = self._channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.answer.FromString,
            )
        try:
            return await call(method.request(**_given(fields)), timeout=deadline)
        except grpc.RpcError as failure:
            raise error_of(name, failure) from failure
        except grpc.aio.UsageError as failure:
            raise RuntimeUnavailable("the connection to the runtime is closed") from failure
        except asyncio.CancelledError:
            # Closing the connection cancels its calls, but not the tasks that wait for them.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise RuntimeUnavailable("the connection to the runtime is closed") from None

    async def stream(self, name: str, /, **fields: object) -> AsyncIterator[Any]:
        """Yield the answers of a streaming call until it is closed; raises RuntimeCallError."""
        method = self._methods[name]
        call = self._channel.unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.answer.FromString,
        )(method.request(**_given(fields)))
        try:
            async for answer in call:
                yield answer
        except grpc.RpcError as failure:
            raise error_of(name, failure) from failure
        finally:
            call.cancel()

    async def close(self) -> None:
        """Close the connection and cancel what is under way."""
        await self._channel.close()


def _given(fields: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
