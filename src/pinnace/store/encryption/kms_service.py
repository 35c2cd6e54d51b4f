"""Calls to a KMS v2 plug-in over its Unix socket: the door to gRPC, for plug-ins."""

from urllib.parse import urlsplit

import grpc
import grpc.aio

from pinnace.store.encryption.base import TransformError
from pinnace.store.encryption.messages import (
    Source,
    Status,
    entry_of,
    fields,
    mapped,
    sized,
    texts,
)

_SERVICE = "/v2.KeyManagementService/"
_OPTIONS = (
    ("grpc.default_authority", "localhost"),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),
)


class KmsService:
    """One plug-in; each call ends after the configured time."""

    def __init__(self, endpoint: str, seconds: float) -> None:
        parts = urlsplit(endpoint)
        # unix:///path and unix:path; one that begins with @ is in the abstract name space.
        path = parts.netloc + parts.path
        target = f"unix-abstract:{path.lstrip('/')[1:]}" if path.lstrip("/")[:1] == "@" else path
        target = target if target.startswith("unix-abstract:") else f"unix:{target}"
        self._seconds = seconds
        self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)

    async def status(self) -> Status:
        """Return what the plug-in says of itself."""
        found = texts(await self._call("Status", b""), "version", "healthz", "key_id")
        return Status(**found)

    async def encrypt(self, plain: bytes, uid: str) -> Source:
        """Return what the plug-in makes of a seed."""
        key_id, made, annotations = "", b"", {}
        for number, value in fields(await self._call("Encrypt", sized(1, plain) + sized(2, uid))):
            if not isinstance(value, bytes):
                continue
            if number == 1:
                made = value
            elif number == 2:
                key_id = value.decode(errors="replace")
            elif number == 3:
                name, text = entry_of(value)
                annotations[name] = text
        return Source(key_id, made, annotations)

    async def decrypt(self, source: Source, uid: str) -> bytes:
        """Return the seed that the plug-in made something of."""
        asked = b"".join(
            (
                sized(1, source.encrypted),
                sized(2, uid),
                sized(3, source.key_id),
                mapped(4, source.annotations),
            )
        )
        for number, value in fields(await self._call("Decrypt", asked)):
            if number == 1 and isinstance(value, bytes):
                return value
        return b""

    async def _call(self, method: str, body: bytes) -> bytes:
        call = self._channel.unary_unary(_SERVICE + method)
        try:
            answer: bytes = await call(body, timeout=self._seconds, wait_for_ready=True)
        except grpc.RpcError as error:
            code = "".join(word.title() for word in error.code().name.split("_"))
            raise TransformError(f"rpc error: code = {code} desc = {error.details()}") from error
        return answer

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()
