"""What this project wants of TCP connections."""

import socket
from contextlib import suppress

# A peer that vanished without a word is noticed after about two and a half minutes, as with Go.
_IDLE, _INTERVAL, _PROBES = 15, 15, 9
_OPTIONS = (("TCP_KEEPIDLE", _IDLE), ("TCP_KEEPINTVL", _INTERVAL), ("TCP_KEEPCNT", _PROBES))


def keep_alive(connection: socket.socket | None) -> None:
    """Have the kernel ask now and then whether the peer is still there."""
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS:
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
