"""The standard health check over gRPC, for probes. Here because only this room knows grpc."""

from typing import Any

import grpc

_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class HealthCallError(Exception):
    """The health service could not be asked; the text is for the Event."""


def encode_request(service: str) -> bytes:
    """Encode HealthCheckRequest: field 1, the service's name."""
    raw = service.encode()
    if not raw:
        return b""
    length, out = len(raw), bytearray()
    while length > 0x7F:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    return b"\x0a" + bytes(out) + raw


def decode_response(body: bytes) -> str:
    """Decode HealthCheckResponse: field 1, an enumeration; absent means UNKNOWN."""
    code = body[1] if len(body) >= 2 and body[0] == 0x08 else 0
    return _STATUS.get(code, str(code))


async def check_health(address: str, service: str, *, timeout: float) -> str:
    """Return what the service at an address says of itself, as the enumeration's name."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=encode_request,
            response_deserializer=decode_response,
        )
        try:
            answer: Any = await call(
                service, timeout=timeout, metadata=(("user-agent", "kube-probe/1.36"),)
            )
        except grpc.aio.AioRpcError as error:
            raise HealthCallError(_explain(address, error, timeout)) from error
    return str(answer)


def _explain(address: str, error: Any, timeout: float) -> str:
    code, details = error.code(), error.details()
    if code == grpc.StatusCode.UNIMPLEMENTED:
        return (
            "this server does not implement the grpc health protocol "
            f"(grpc.health.v1.Health): {details}"
        )
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        return f'timeout: failed to connect service "{address}" within {timeout:g}s: {details}'
    return f"error: health rpc probe failed: {details}"
