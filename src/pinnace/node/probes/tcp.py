"""tcpSocket: healthy when the port can be connected to."""

import asyncio
import os

from pinnace.node.probes.base import Asked, Outcome, ProbeType, port_number


def dial_error(host: str, port: int, error: OSError) -> str:
    """Say why a connection failed, in the words of Go's net package."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(error, TimeoutError):
        return f"dial tcp {where}: i/o timeout"
    why = os.strerror(error.errno).lower() if error.errno else str(error)
    return f"dial tcp {where}: connect: {why}"


async def ask(asked: Asked) -> Outcome:
    """Connect and close."""
    host = str(asked.handler.get("host") or asked.host)
    port = port_number(asked.handler["port"], asked.ports)
    try:
        async with asyncio.timeout(asked.timeout):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return Outcome(ok=False, output=dial_error(host, port, error))
    writer.close()
    return Outcome(ok=True)


TCP = ProbeType("tcpSocket", ask)
