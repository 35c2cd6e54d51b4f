"""The stand-in for etcd: its flags, and what it answers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pinnace.cluster.envtest import etcd
from pinnace.cluster.envtest.etcd import FlagError, addresses, answer, parse

_ENVTEST = (
    "--advertise-client-urls=http://127.0.0.1:4001",
    "--data-dir=/tmp/objects",
    "--listen-client-urls=http://127.0.0.1:4001",
    "--listen-peer-urls=http://127.0.0.1:4002",
    "--unsafe-no-fsync=true",
)


def test_what_envtest_passes_is_understood() -> None:
    flags = parse([*_ENVTEST, "--log-level", "warn"])
    assert flags["data-dir"] == "/tmp/objects"
    assert flags["unsafe-no-fsync"] == "true"
    assert addresses(flags["listen-client-urls"]) == [("127.0.0.1", 4001)]


def test_flags_may_have_one_dash_as_fabric8_writes_them() -> None:
    flags = parse(["-data-dir", "/tmp/objects", "-wal-dir", "/tmp/wal"])
    assert flags["data-dir"] == "/tmp/objects"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cert-file=/x"], "flag provided but not defined: -cert-file"),
        (["--data-dir"], "flag needs an argument: -data-dir"),
        (["member"], "'member' is not a valid flag"),
    ],
)
def test_other_flags_are_refused_by_name(arguments: list[str], message: str) -> None:
    with pytest.raises(FlagError, match=message):
        parse(arguments)


def test_only_plain_http_is_listened_on() -> None:
    assert addresses("http://[::1]:1/") == [("::1", 1)]
    with pytest.raises(FlagError, match=r"https://127\.0\.0\.1:1: only http://HOST:PORT is served"):
        addresses("https://127.0.0.1:1")


def test_it_answers_as_a_healthy_etcd_and_says_where_the_objects_are() -> None:
    about: dict[str, object] = {"dataDir": "/d", "flush": False}

    def asked(path: str) -> tuple[bytes, bytes]:
        head, _, body = answer(path, about).partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
        return head.split(b"\r\n")[0], body

    assert asked("/health") == (b"HTTP/1.1 200 OK", b'{"health":"true","reason":""}')
    assert asked("/readyz") == (b"HTTP/1.1 200 OK", b"ok")
    assert json.loads(asked("/pinnace")[1]) == about
    assert asked("/v2/keys")[0] == b"HTTP/1.1 404 Not Found"


def test_its_help_names_the_flag_that_envtest_looks_for() -> None:
    said = subprocess.run(
        [sys.executable, "-I", "-S", str(Path(etcd.__file__)), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "\n  --unsafe-no-fsync\n" in said.stdout
