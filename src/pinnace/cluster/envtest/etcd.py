"""The etcd of a test suite: a directory for the objects, and somebody who says that it is there.

envtest and its likes start an etcd, wait for its /health, start a kube-apiserver with its address,
and end both. This program answers as long as it lives, and tells Pinnace's API server (/pinnace)
which directory it was given: the objects are in there, so that a second API server on the same
address finds what the first one left. It stores nothing itself and speaks none of etcd's protocol.

It starts in a few milliseconds because it imports nothing of Pinnace; it is run by its path.
"""

import json
import os
import signal
import socket
import sys
import threading

# Flags that say where; and those that say how an etcd is to keep what this one does not keep.
_USED = ("data-dir", "listen-client-urls", "unsafe-no-fsync")
_IDLE = (
    "wal-dir", "advertise-client-urls", "listen-peer-urls", "listen-metrics-urls", "name", "logger",
    "log-level", "log-outputs", "initial-advertise-peer-urls", "initial-cluster",
    "initial-cluster-state", "initial-cluster-token", "quota-backend-bytes", "max-request-bytes",
    "snapshot-count", "auto-compaction-mode", "auto-compaction-retention", "max-txn-ops",
    "heartbeat-interval", "election-timeout", "force-new-cluster", "enable-v2",
)  # fmt: skip
_SWITCHES = ("unsafe-no-fsync", "force-new-cluster", "enable-v2")
_USUAL = {"data-dir": "default.etcd", "listen-client-urls": "http://localhost:2379"}
_LONGEST, _PATIENCE = 65536, 5.0


class FlagError(Exception):
    """A flag that cannot be used; the message is etcd's."""


def parse(arguments: list[str]) -> dict[str, str]:
    """Return the flags' values by name; raises FlagError."""
    found = dict(_USUAL)
    rest = list(arguments)
    while rest:
        given = rest.pop(0)
        name, equals, value = given.lstrip("-").partition("=")
        if not given.startswith("-"):
            raise FlagError(f"'{given}' is not a valid flag")
        if name not in _USED + _IDLE:
            raise FlagError(f"flag provided but not defined: -{name}")
        if not equals and name in _SWITCHES:
            value = "true"
        elif not equals:
            if not rest:
                raise FlagError(f"flag needs an argument: -{name}")
            value = rest.pop(0)
        found[name] = value
    return found


def addresses(urls: str) -> list[tuple[str, int]]:
    """Return hosts and ports of a list of URLs; raises FlagError."""
    found = []
    for url in urls.split(","):
        scheme, _, place = url.partition("://")
        host, _, port = place.rstrip("/").rpartition(":")
        if scheme != "http" or not host or not port.isdecimal():
            raise FlagError(f"--listen-client-urls {url}: only http://HOST:PORT is served")
        found.append((host.strip("[]"), int(port)))
    return found


def answer(path: str, about: dict[str, object]) -> bytes:
    """Return the response to a GET."""
    bodies: dict[str, dict[str, object]] = {
        "/health": {"health": "true", "reason": ""},
        "/readyz": {},
        "/livez": {},
        "/pinnace": about,
    }
    body = bodies.get(path)
    status = b"404 Not Found" if body is None else b"200 OK"
    text = _json(body) if body else b"ok" if body == {} else b"404 page not found\n"
    kind = b"application/json" if body else b"text/plain; charset=utf-8"
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % (status, kind, len(text)) + text


def _json(body: dict[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _talk(connection: socket.socket, about: dict[str, object]) -> None:
    with connection:
        connection.settimeout(_PATIENCE)
        request = b""
        try:
            while b"\r\n\r\n" not in request and len(request) < _LONGEST:
                more = connection.recv(4096)
                if not more:
                    return
                request += more
            words = request.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
            connection.sendall(answer(words[1].partition("?")[0] if words[1:] else "", about))
        except OSError:
            return


def _accept(listener: socket.socket, about: dict[str, object]) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_talk, args=(connection, about), daemon=True).start()


def main() -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    arguments = sys.argv[1:]
    if {"--help", "-help", "-h"} & set(arguments):
        print("Pinnace in etcd's place, for test suites. Flags:")  # noqa: T201
        print("".join(f"  --{name}\n" for name in _USED + _IDLE))  # noqa: T201
        return 0
    stop = [signal.SIGTERM, signal.SIGINT]
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    try:
        flags = parse(arguments)
        about: dict[str, object] = {
            "dataDir": os.path.abspath(flags["data-dir"]),
            "flush": flags.get("unsafe-no-fsync") != "true",
        }
        for host, port in addresses(flags["listen-client-urls"]):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=128)
            threading.Thread(target=_accept, args=(listener, about), daemon=True).start()
    except (FlagError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    signal.sigwait(stop)
    return 0


if __name__ == "__main__":
    # Threads that wait for a request are not waited for.
    status = main()
    sys.stdout.flush()
    os._exit(status)
