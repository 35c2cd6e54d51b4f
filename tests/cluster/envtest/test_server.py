"""The API server in kube-apiserver's place: where its objects are, and what it shows clients."""

import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pinnace.cluster.config import ConfigError
from pinnace.cluster.envtest.flags import Told, parse
from pinnace.cluster.envtest.server import StandIn, certificates, facts, stand_in

_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _told(tmp_path: Path, *more: str) -> Told:
    return parse(
        ["--etcd-servers=http://127.0.0.1:1", f"--cert-dir={tmp_path}", "--secure-port=7001", *more]
    )


def test_beside_the_stand_in_the_objects_are_in_its_directory(tmp_path: Path) -> None:
    config, flush = facts(_told(tmp_path), StandIn(tmp_path / "objects", flush=False))
    assert config.store_file == tmp_path / "objects" / "store.db"
    assert config.etcd is None
    assert not flush


def test_any_other_etcd_has_the_objects_itself(tmp_path: Path) -> None:
    config, flush = facts(_told(tmp_path, "--etcd-prefix=/mine"), None)
    assert config.etcd is not None
    assert config.etcd.servers == ("http://127.0.0.1:1",)
    assert config.etcd.prefix == "/mine"
    assert flush


def test_the_flags_become_the_facts_of_the_cluster(tmp_path: Path) -> None:
    told = _told(
        tmp_path,
        "--bind-address=127.0.0.1",
        "--advertise-address=10.1.2.3",
        "--service-cluster-ip-range=10.240.0.0/12",
        "--service-node-port-range=31000-31999",
        "--event-ttl=10m",
    )
    config, _ = facts(told, None)
    assert (config.bind, config.port, config.advertise) == ("127.0.0.1", 7001, "10.1.2.3")
    assert (config.service_cidr, config.node_port_range) == ("10.240.0.0/12", (31000, 31999))
    assert config.apiserver.event_ttl == 600


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--service-cluster-ip-range=10.0.0.1/x", "--service-cluster-ip-range 10.0.0.1/x: "),
        ("--service-node-port-range=1", "--service-node-port-range 1: give FIRST-LAST"),
    ],
)
def test_ranges_that_are_none_are_refused(tmp_path: Path, flag: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        facts(_told(tmp_path, flag), None)


def test_a_certificate_is_made_where_there_is_none_and_shown_from_then_on(tmp_path: Path) -> None:
    told = _told(tmp_path / "certs")
    config, _ = facts(told, None)
    first = certificates(told.server, config, _NOW)
    again = certificates(told.server, config, _NOW)
    assert first.apiserver == again.apiserver
    assert (tmp_path / "certs" / "apiserver.crt").read_bytes() == first.apiserver.certificate
    assert (tmp_path / "certs" / "apiserver.key").stat().st_mode & 0o777 == 0o600
    named = replace(
        told.server,
        tls_cert_file=str(tmp_path / "certs" / "apiserver.crt"),
        tls_private_key_file=str(tmp_path / "certs" / "missing.key"),
    )
    with pytest.raises(ConfigError, match=r"open .*missing.key: no such file or directory"):
        certificates(named, config, _NOW)


def test_nobody_there_is_taken_for_an_etcd_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert stand_in(f"http://127.0.0.1:{port}") is None
    assert stand_in("https://127.0.0.1:1") is None
