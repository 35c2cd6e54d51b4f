"""Both programs, started as envtest starts them."""

import http.client
import json
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pinnace.cluster.envtest.assets import write
from pinnace.kit import x509
from pinnace.kit.tls import client_context
from pinnace.kit.x509 import KeyPair, Subject


@contextmanager
def _started(arguments: list[str], *, until: str) -> Iterator[None]:
    """Run a program from when it says that it is up, and end it with SIGTERM."""
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if until in line:
                    break
            else:
                raise AssertionError("".join(said))
            yield
        finally:
            process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(30) == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _certificates(directory: Path) -> tuple[x509.Authority, KeyPair]:
    """Write what envtest writes; return who signed the server's, and an administrator."""
    now = datetime.now(UTC)
    servers, users = (x509.make_authority(name, now=now) for name in ("servers", "users"))
    shown = x509.issue(servers, Subject("api"), now=now, ips=["127.0.0.1"], server=True)
    tokens = x509.make_authority("tokens", now=now).key_pair
    directory.mkdir()
    for name, data in (
        ("apiserver.crt", shown.certificate),
        ("apiserver.key", shown.key),
        ("users.crt", users.pem),
        ("sa-signer.crt", tokens.certificate),
        ("sa-signer.key", tokens.key),
    ):
        (directory / name).write_bytes(data)
    admin = x509.issue(users, Subject("me", ("system:masters",)), now=now, client=True)
    return servers, admin


def _get(port: int, path: str, tls: ssl.SSLContext) -> tuple[int, str]:
    asked = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=tls)
    try:
        asked.request("GET", path)
        answer = asked.getresponse()
        return answer.status, answer.read().decode()
    finally:
        asked.close()


def test_users_of_the_client_authority_reach_the_server_by_the_certificate_it_was_given(
    tmp_path: Path,
) -> None:
    write(tmp_path / "bin")
    certs, (etcd, port) = tmp_path / "certs", (_free_port(), _free_port())
    servers, admin = _certificates(certs)
    where = f"http://127.0.0.1:{etcd}"
    etcd_flags = [f"--data-dir={tmp_path / 'objects'}", f"--listen-client-urls={where}"]
    flags = [
        f"--etcd-servers={where}",
        f"--cert-dir={certs}",
        f"--client-ca-file={certs / 'users.crt'}",
        f"--service-account-key-file={certs / 'sa-signer.crt'}",
        f"--service-account-signing-key-file={certs / 'sa-signer.key'}",
        f"--service-account-issuer=https://127.0.0.1:{port}/",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
    ]
    pem = servers.pem.decode()
    with (
        _started([str(tmp_path / "bin" / "etcd"), *etcd_flags, "--unsafe-no-fsync"], until="ready"),
        _started([str(tmp_path / "bin" / "kube-apiserver"), *flags], until="is ready"),
    ):
        status, said = _get(port, "/api/v1/namespaces/default", client_context(pem, pair=admin))
        assert (status, json.loads(said)["metadata"]["name"]) == (200, "default")
        assert _get(port, "/healthz", client_context(pem)) == (200, "ok")
        assert _get(port, "/api/v1/namespaces/default", client_context(pem))[0] == 403
        assert (tmp_path / "objects" / "store.db").exists()
