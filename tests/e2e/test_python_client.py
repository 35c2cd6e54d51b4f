"""The published Python client works with the cluster as with any other."""

import gc
import threading
import time
from collections.abc import Iterator

import pytest
from kubernetes import client, config, utils, watch
from kubernetes.stream import stream
from tests.e2e.real_cluster import MARKS, RealCluster, container, pod, until

pytestmark = [*MARKS, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def api(k: RealCluster) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(k.kubeconfig)) as made:
        core = client.CoreV1Api(made)
        core.create_namespace({"metadata": {"name": "python"}})
        until(lambda: core.list_namespaced_service_account("python").items)
        yield made
        core.delete_namespace("python")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let go of sockets that the client leaves open here, where its warnings are not ours."""
    yield
    gc.collect()


def test_objects_are_created_from_dicts_patched_listed_and_deleted(api: client.ApiClient) -> None:
    core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "1"}}
    utils.create_from_dict(api, made, namespace="python")
    assert core.read_namespaced_config_map("a", "python").data == {"k": "1"}
    core.patch_namespaced_config_map("a", "python", {"data": {"m": "2"}})
    found = core.list_namespaced_config_map("python", field_selector="metadata.name=a")
    assert found.items[0].data == {"k": "1", "m": "2"}
    empty = apps.list_namespaced_deployment("python", limit=1)
    assert empty.items == []
    with pytest.raises(client.ApiException) as caught:
        core.create_namespaced_config_map("python", made)
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")
    core.delete_namespaced_config_map("a", "python")
    with pytest.raises(client.ApiException) as caught:
        core.read_namespaced_config_map("a", "python")
    assert caught.value.status == 404
    assert client.VersionApi(api).get_code().minor == "36"
    assert any(node.status.node_info for node in core.list_node().items)


def test_a_watch_goes_on_where_its_connection_ended(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    start = core.list_namespaced_config_map("python").metadata.resource_version

    def write() -> None:
        for number in range(6):
            core.create_namespaced_config_map("python", {"metadata": {"name": f"w{number}"}})
            time.sleep(0.5)

    writer = threading.Thread(target=write)
    writer.start()
    watching, seen = watch.Watch(), []
    # Each connection ends after a second; the watch reconnects at the last revision it saw.
    for event in watching.stream(
        core.list_namespaced_config_map, "python", resource_version=start,
        _request_timeout=10, timeout_seconds=None,
    ):  # fmt: skip
        seen.append(event["object"].metadata.name)
        if len(seen) == 3:
            watching.stop()
    rest = watch.Watch()
    for event in rest.stream(
        core.list_namespaced_config_map, "python", resource_version=watching.resource_version
    ):
        seen.append(event["object"].metadata.name)
        if len(seen) == 6:
            rest.stop()
    writer.join()
    assert seen == [f"w{number}" for number in range(6)]
    old = watch.Watch()
    again = [
        event["object"].metadata.name
        for event in old.stream(
            core.list_namespaced_config_map, "python", resource_version=start, timeout_seconds=1
        )
    ]
    assert again == seen


def test_containers_are_talked_to(api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    script = "echo started; exec sleep 3600"
    core.create_namespaced_pod("python", pod("talk", container(script=script)))
    for event in watch.Watch().stream(core.list_namespaced_pod, "python", timeout_seconds=30):
        statuses = event["object"].status.container_statuses
        if statuses and statuses[0].ready:
            break
    assert core.read_namespaced_pod_log("talk", "python") == "started\n"
    command = ["sh", "-c", "echo out; echo err >&2"]
    said = stream(
        core.connect_get_namespaced_pod_exec, "talk", "python", command=command,
        stdout=True, stderr=True, stdin=False, tty=False,
    )  # fmt: skip
    assert sorted(said.split()) == ["err", "out"]
    session = stream(
        core.connect_get_namespaced_pod_exec, "talk", "python", command=["sh"],
        stdout=True, stderr=True, stdin=True, tty=False, _preload_content=False,
    )  # fmt: skip
    session.write_stdin("echo a$((40+2))\n")
    assert session.readline_stdout(timeout=10) == "a42"
    session.write_stdin("exit 3\n")
    session.run_forever(timeout=10)
    assert session.returncode == 3
    session.close()
    core.delete_namespaced_pod("talk", "python", grace_period_seconds=0)
