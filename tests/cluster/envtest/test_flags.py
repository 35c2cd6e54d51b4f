"""kube-apiserver's command line, as test suites write it."""

import pytest

from pinnace.cluster.config import ConfigError
from pinnace.cluster.envtest.flags import parse, usage

_ENVTEST = (
    "--allow-privileged=true",
    "--authorization-mode=RBAC",
    "--bind-address=127.0.0.1",
    "--cert-dir=/tmp/certs",
    "--client-ca-file=/tmp/certs/client-cert-auth-ca.crt",
    "--disable-admission-plugins=ServiceAccount",
    "--etcd-servers=http://127.0.0.1:2379",
    "--secure-port=41234",
    "--service-account-issuer=https://127.0.0.1:41234/",
    "--service-account-key-file=/tmp/certs/sa-signer.crt",
    "--service-account-signing-key-file=/tmp/certs/sa-signer.key",
    "--service-cluster-ip-range=10.0.0.0/24",
)


def test_what_envtest_passes_is_understood() -> None:
    told = parse(_ENVTEST)
    assert told.server.secure_port == 41234
    assert told.server.bind_address == "127.0.0.1"
    assert told.server.cert_dir == "/tmp/certs"
    assert told.server.etcd_servers == ("http://127.0.0.1:2379",)
    assert told.settings == {
        "authorization_mode": ("RBAC",),
        "client_ca_file": "/tmp/certs/client-cert-auth-ca.crt",
        "disable_admission_plugins": ("ServiceAccount",),
        "service_account_issuer": ("https://127.0.0.1:41234/",),
        "service_account_key_file": ("/tmp/certs/sa-signer.crt",),
        "service_account_signing_key_file": "/tmp/certs/sa-signer.key",
        "runtime_config": (),
        "feature_gates": (),
    }


def test_what_fabric8_passes_is_understood() -> None:
    told = parse(
        [
            "--etcd-servers",
            "http://0.0.0.0:4001",
            "--service-account-issuer",
            "https://localhost",
            "--service-account-signing-key-file",
            "/tmp/a.key",
            "--service-account-signing-key-file",
            "/tmp/b.key",
            "--service-account-issuer",
            "/tmp/a.crt",
            "--allow-privileged",
        ]
    )
    assert told.server.allow_privileged
    assert told.settings["service_account_issuer"] == ("https://localhost", "/tmp/a.crt")
    assert told.settings["service_account_signing_key_file"] == "/tmp/b.key"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--audit-log-maxage", "3"], {"audit_log_maxage": 3}),
        (["--audit_log_maxage=3"], {"audit_log_maxage": 3}),
        (["--audit-log-maxage=3", "--audit-log-maxage=4"], {"audit_log_maxage": 4}),
        (["--audit-log-compress"], {"audit_log_compress": True}),
        (["--audit-log-compress=F"], {"audit_log_compress": False}),
        (["--request-timeout=1m30s"], {"request_timeout": 90.0}),
        (["--runtime-config=api/all=true"], {"runtime_config": ("api/all=true",)}),
        (
            ["--runtime-config=a/v1=true,b/v1=true", "--runtime-config=c/v1=true"],
            {"runtime_config": ("a/v1=true", "b/v1=true", "c/v1=true")},
        ),
        (["-v=5", "--v", "6", "--profiling=false", "--watch-cache"], {}),
    ],
)
def test_flags_are_written_as_go_reads_them(given: list[str], expected: dict[str, object]) -> None:
    usual = {"runtime_config": (), "feature_gates": ()}
    assert parse(["--etcd-servers=http://e:1", *given]).settings == {**usual, **expected}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--insecure-port=0"], "unknown flag: --insecure-port"),
        (["--etcd-servers"], "flag needs an argument: --etcd-servers"),
        (["serve"], '"kube-apiserver" does not take any arguments, got ["serve"]'),
        ([], "--etcd-servers must be specified"),
        (
            ["--audit-log-compress=maybe"],
            'invalid argument "maybe" for "--audit-log-compress" flag: '
            'strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        (
            ["--secure-port=abc"],
            'invalid argument "abc" for "--secure-port" flag: '
            'strconv.ParseInt: parsing "abc": invalid syntax',
        ),
        (
            ["--etcd-servers=http://e:1", "--allow-privileged=false"],
            "--allow-privileged=false is not supported: drop it",
        ),
        (
            ["--etcd-servers=http://e:1", "--tls-cert-file=/a"],
            "--tls-cert-file and --tls-private-key-file are given together",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(given: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(given)
    assert str(error.value) == message


def test_help_has_a_line_for_each_flag_that_is_taken() -> None:
    lines = [line.split()[0] for line in usage().splitlines() if line.lstrip().startswith("--")]
    assert len(lines) == len(set(lines))
    assert {flag.partition("=")[0] for flag in _ENVTEST} <= set(lines)
    assert "--insecure-port" not in lines
