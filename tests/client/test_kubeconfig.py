import base64
import os
import stat

import pytest

from pinnace.client.kubeconfig import Config, ConfigError, dump, in_cluster, load

TEXT = """
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: c
  cluster: {server: "https://here:6443", certificate-authority: ca.crt, tls-server-name: api}
contexts:
- name: one
  context: {cluster: c, user: by-cert, namespace: mine}
- name: two
  context: {cluster: c, user: by-token}
- name: lost
  context: {cluster: nowhere, user: by-token}
users:
- name: by-cert
  user: {client-certificate-data: %s, client-key: key.pem}
- name: by-token
  user: {token: ignored, tokenFile: token}
"""


@pytest.fixture
def path(tmp_path):
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "key.pem").write_text("KEY")
    file = tmp_path / "config"
    file.write_text(TEXT % base64.b64encode(b"CERT").decode())
    return file


def test_the_current_context_is_read_with_inline_data_and_files(path):
    assert load(path) == Config(
        server="https://here:6443",
        ca=b"CA",
        certificate=b"CERT",
        key=b"KEY",
        server_name="api",
        namespace="mine",
    )


def test_a_token_file_wins_over_a_token(path):
    config = load(path, "two")
    assert (config.token, config.token_file) == ("", path.parent / "token")


@pytest.mark.parametrize(
    ("context", "says"),
    [("lost", 'cluster "nowhere" does not exist'), ("none", 'context "none" does not exist')],
)
def test_what_is_missing_is_named(path, context, says):
    with pytest.raises(ConfigError, match=says):
        load(path, context)


def test_what_is_dumped_can_be_loaded_and_is_private(tmp_path):
    config = Config(server="https://here", ca=b"CA", certificate=b"C", key=b"K", namespace="n")
    path = tmp_path / "deep" / "config"
    dump(path, config)
    assert load(path) == config
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_pod_finds_its_cluster(tmp_path):
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "namespace").write_text("n\n")
    environ = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    assert in_cluster(environ, tmp_path) == Config(
        server="https://[fd00::1]:443", ca=b"CA", token_file=tmp_path / "token", namespace="n"
    )


def test_outside_a_pod_there_is_no_cluster(tmp_path):
    with pytest.raises(ConfigError, match="must be defined"):
        in_cluster({}, tmp_path)


def test_a_symlink_at_the_path_is_replaced_and_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "config"
    victim.write_text("mine")
    victim.chmod(0o644)
    path.symlink_to(victim)
    dump(path, Config(server="https://x"), owner=(os.getuid(), os.getgid()))
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert (victim.read_text(), victim.stat().st_mode & 0o777) == ("mine", 0o644)
