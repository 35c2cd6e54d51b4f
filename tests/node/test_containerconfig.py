from pathlib import Path

import pytest

from pinnace.node.containerconfig import Making, container_config
from pinnace.node.env import ConfigError
from pinnace.node.hosts import ClusterNames
from pinnace.node.labels import container_hash
from pinnace.node.podspec import Declared
from pinnace.node.runtime import DNSConfig, ImageStatus
from pinnace.node.sandboxconfig import NodeSettings, sandbox_config
from pinnace.node.volumes.base import Mounted
from pinnace.testing.kubelet_stage import make_container, make_pod

SETTINGS = NodeSettings(
    name="node-1",
    names=ClusterNames(),
    dns=DNSConfig(),
    log_dir=Path("/logs"),
    root_dir=Path("/root"),
    memory=8 << 30,
)


def config(image=None, pod=None, volumes=None, sub_paths=None, **fields):
    spec = make_container(**fields)
    given = make_pod(containers=[spec], **(pod or {}))
    making = Making(
        env={"A": "1"},
        volumes=volumes or {},
        image_ref="sha256:1",
        image=image or ImageStatus(id="sha256:1"),
        restart_count=2,
        hosts_file=Path("/root/etc-hosts"),
        message_file=Path("/root/message"),
        sub_paths=sub_paths or {},
    )
    return container_config(given, Declared(spec, "app"), SETTINGS, making)


def test_commands_and_arguments_are_expanded():
    found = config(command=["echo", "$(A)"], args=["$(B)"])
    assert (found.command, found.args) == (["echo", "1"], ["$(B)"])


def test_a_container_is_known_again_by_its_labels():
    found = config()
    assert found.labels["io.kubernetes.pod.uid"] == "uid-web"
    assert found.labels["io.kubernetes.container.name"] == "main"
    assert found.annotations["io.kubernetes.container.restartCount"] == "2"
    assert found.annotations["io.kubernetes.container.hash"] == container_hash(make_container())
    assert found.log_path == "main/2.log"
    assert container_hash(make_container(image="other")) != container_hash(make_container())


def test_mounts_are_the_volumes_the_hosts_file_and_the_message():
    mount = {
        "name": "v",
        "mountPath": "data",
        "subPath": "x",
        "mountPropagation": "HostToContainer",
    }
    found = config(
        volumeMounts=[mount],
        volumes={"v": Mounted("/v", readonly=True)},
        sub_paths={0: Path("/sub/0")},
    )
    first, *others = found.mounts
    assert (first.container_path, first.host_path) == ("/data", "/sub/0")
    assert first.readonly
    assert first.propagation == "HOST_TO_CONTAINER"
    assert [each.container_path for each in others] == ["/etc/hosts", "/dev/termination-log"]


def test_an_own_mount_of_the_hosts_file_stays_the_only_one():
    mount = {"name": "v", "mountPath": "/etc/hosts"}
    found = config(volumeMounts=[mount], volumes={"v": Mounted("/x")})
    assert [each.host_path for each in found.mounts].count("/root/etc-hosts") == 0


def test_a_volume_that_is_missing_is_refused_by_name():
    with pytest.raises(ConfigError, match='cannot find volume "v" to mount into container "main"'):
        config(volumeMounts=[{"name": "v", "mountPath": "/v"}])


def test_the_containers_own_security_context_wins():
    found = config(
        pod={"securityContext": {"runAsUser": 1, "runAsGroup": 2, "fsGroup": 3}},
        securityContext={"runAsUser": 9, "allowPrivilegeEscalation": False},
    ).security
    assert (found.run_as_user, found.run_as_group) == (9, 2)
    assert list(found.supplemental_groups) == [3]
    assert found.no_new_privs
    assert "/proc/kcore" in found.masked_paths


def test_a_privileged_container_is_not_confined():
    found = config(securityContext={"privileged": True}).security
    assert found.privileged
    assert found.masked_paths == ()
    assert found.seccomp.type == "Unconfined"


NON_ROOT = {"securityContext": {"runAsNonRoot": True}}


def test_root_is_refused_to_those_that_must_not_be_it():
    where = r'\(pod: "web_default\(uid-web\)", container: main\)'
    with pytest.raises(ConfigError, match="image will run as root " + where):
        config(pod=NON_ROOT)
    with pytest.raises(ConfigError, match=r"non-numeric user \(web\), cannot verify"):
        config(ImageStatus(id="1", username="web"), pod=NON_ROOT)
    with pytest.raises(ConfigError, match="runAsUser breaks non-root policy"):
        config(pod=NON_ROOT, securityContext={"runAsUser": 0})
    assert config(ImageStatus(id="1", uid=5), pod=NON_ROOT).security.run_as_user == 5


def test_a_sandbox_has_the_pods_ports_names_and_namespaces():
    ports = [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}]
    pod = make_pod(
        containers=[make_container(ports=ports)], hostPID=True, shareProcessNamespace=False
    )
    found = sandbox_config(pod, SETTINGS, attempt=1, cgroup_parent="/x")
    assert [(each.host_port, each.container_port) for each in found.ports] == [(8080, 80)]
    assert found.hostname == "web"
    assert found.log_directory == "/logs/default_web_uid-web"
    assert found.security.namespaces.pid == "NODE"
    assert (
        sandbox_config(make_pod(hostNetwork=True), SETTINGS, attempt=0, cgroup_parent="").hostname
        == ""
    )


def test_user_namespaces_are_refused_by_name():
    with pytest.raises(ConfigError, match="hostUsers: false"):
        sandbox_config(make_pod(hostUsers=False), SETTINGS, attempt=0, cgroup_parent="")
