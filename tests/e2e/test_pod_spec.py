"""What a Pod's spec asks for is what its containers find."""

from pathlib import Path

from tests.e2e.real_cluster import IMAGE, MARKS, RealCluster, container, pod, until

pytestmark = MARKS
SHOW = "env; exec sleep 3600"


def field(path: str) -> dict[str, object]:
    return {"fieldRef": {"fieldPath": path}}


def resource(name: str) -> dict[str, object]:
    return {"resourceFieldRef": {"resource": name}}


def test_the_environment_comes_from_every_source(k: RealCluster) -> None:
    k("create", "namespace", "env")
    k(
        "create",
        "configmap",
        "plain",
        "-n",
        "env",
        "--from-literal=A=from-map",
        "--from-literal=B=2",
    )
    k("create", "secret", "generic", "hidden", "-n", "env", "--from-literal=PASS=word")
    k("create", "service", "clusterip", "before", "-n", "env", "--tcp=80:80")
    main = container(
        script=SHOW,
        env=[
            {"name": "PLAIN", "value": "x"},
            {"name": "JOINED", "value": "$(PLAIN)-$(POD)-$$(PLAIN)-$(NONE)"},
            {"name": "POD", "valueFrom": field("metadata.name")},
            {"name": "JOINED2", "value": "$(PLAIN)-$(POD)"},
            {"name": "LABEL", "valueFrom": field("metadata.labels['pod']")},
            {"name": "IP", "valueFrom": field("status.podIP")},
            {"name": "NODE", "valueFrom": field("spec.nodeName")},
            {"name": "MEMORY", "valueFrom": resource("limits.memory")},
            {"name": "ONE", "valueFrom": {"configMapKeyRef": {"name": "plain", "key": "A"}}},
            {"name": "TWO", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "PASS"}}},
            {"name": "NO", "valueFrom": {
                "configMapKeyRef": {"name": "none", "key": "A", "optional": True}}},
        ],
        envFrom=[{"configMapRef": {"name": "plain"}}, {"prefix": "S_", "secretRef": {
            "name": "hidden"}}],
        resources={"limits": {"memory": "32Mi", "cpu": "100m"}},
    )  # fmt: skip
    lost = container(script="true", envFrom=[{"configMapRef": {"name": "none"}}])
    k.apply(pod("env", main), pod("lost", lost), namespace="env")
    k.ready("env", namespace="env")
    said = dict(line.partition("=")[::2] for line in k("logs", "env", "-n", "env").out.splitlines())
    status = k.get("pod/env", "-n", "env")["status"]
    expected = {
        "PLAIN": "x", "JOINED": "x-$(POD)-$(PLAIN)-$(NONE)", "POD": "env", "JOINED2": "x-env",
        "LABEL": "env", "IP": status["podIP"], "NODE": k.node, "MEMORY": str(32 << 20),
        "ONE": "from-map", "TWO": "word", "A": "from-map", "B": "2", "S_PASS": "word",
        "BEFORE_SERVICE_PORT": "80", "KUBERNETES_SERVICE_PORT": "443", "HOSTNAME": "env",
    }  # fmt: skip
    assert {name: said.get(name) for name in expected} == expected
    assert "NO" not in said
    until(lambda: "CreateContainerConfigError" in k("get", "pods", "-n", "env").out)
    assert 'configmap "none" not found' in k("describe", "pod/lost", "-n", "env").out
    limits = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null"
    assert str(32 << 20) in k("exec", "env", "-n", "env", "--", "sh", "-c", limits + "; true").out
    k("delete", "namespace", "env", "--wait=false")


def test_volumes_hold_what_they_name_and_follow_it(k: RealCluster, tmp_path: Path) -> None:
    k("create", "namespace", "volumes")
    at = ("-n", "volumes")
    k("create", "configmap", "map", *at, "--from-literal=key=first", "--from-literal=other=2")
    k("create", "secret", "generic", "secret", *at, "--from-literal=key=hidden")
    (tmp_path / "given").write_text("of the host")
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 600, "audience": "me"}}
    volumes = [
        {"name": "map", "configMap": {"name": "map"}},
        {"name": "items", "configMap": {"name": "map", "defaultMode": 0o400, "items": [
            {"key": "key", "path": "deep/er", "mode": 0o440}]}},
        {"name": "secret", "secret": {"secretName": "secret"}},
        {"name": "none", "secret": {"secretName": "absent", "optional": True}},
        {"name": "shared", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "host", "hostPath": {"path": str(tmp_path), "type": "Directory"}},
        {"name": "down", "downwardAPI": {"items": [
            {"path": "labels", **field("metadata.labels")},
            {"path": "cpu", "resourceFieldRef": {
                "containerName": "main", "resource": "limits.cpu", "divisor": "1m"}}]}},
        {"name": "all", "projected": {"sources": [
            token, {"configMap": {"name": "map", "items": [{"key": "key", "path": "map"}]}},
            {"secret": {"name": "secret", "items": [{"key": "key", "path": "secret"}]}}]}},
    ]  # fmt: skip
    mounts = [{"name": v["name"], "mountPath": f"/v/{v['name']}"} for v in volumes]
    mounts.append({"name": "map", "mountPath": "/one", "subPath": "key"})
    main = container(
        script="exec sleep 3600", volumeMounts=mounts, resources={"limits": {"cpu": "250m"}}
    )
    second = container(
        "second", "echo between > /s/file; exec sleep 3600",
        volumeMounts=[{"name": "shared", "mountPath": "/s"},
                      {"name": "map", "mountPath": "/ro", "readOnly": True}],
    )  # fmt: skip
    k.apply(pod("volumes", main, second, volumes=volumes), namespace="volumes")
    k.ready("volumes", namespace="volumes")

    def read(path: str) -> str:
        return k("exec", "volumes", *at, "-c", "main", "--", "cat", path).out

    expected = {
        "/v/map/key": "first", "/one": "first", "/v/map/other": "2", "/v/items/deep/er": "first",
        "/v/secret/key": "hidden", "/v/host/given": "of the host", "/v/down/cpu": "250",
        "/v/down/labels": 'pod="volumes"', "/v/all/map": "first", "/v/all/secret": "hidden",
        "/v/shared/file": "between\n",
    }  # fmt: skip
    assert {path: read(path) for path in expected} == expected
    assert read("/v/all/token").count(".") == 2
    modes = k(
        "exec", "volumes", *at, "-c", "main", "--", "stat", "-Lc", "%a", "/v/items/deep/er",
        "/v/secret/key",
    ).out  # fmt: skip
    assert modes.split() == ["440", "644"]
    assert "tmpfs /v/memory" in read("/proc/mounts")
    refused = k("exec", "volumes", *at, "-c", "second", "--", "touch", "/ro/x", check=False)
    assert "Read-only file system" in refused.err
    k("patch", "configmap/map", *at, "-p", '{"data":{"key":"second"}}')
    k("label", "pod/volumes", *at, "new=label")
    until(lambda: read("/v/map/key") == "second", seconds=90)
    until(lambda: "new" in read("/v/down/labels"), seconds=90)
    assert read("/one") == "first"
    k("delete", "namespace", "volumes", "--wait=false")


def test_init_containers_run_in_order_and_sidecars_beside(k: RealCluster) -> None:
    k("create", "namespace", "order")
    at = ("-n", "order")
    mounts = [{"name": "log", "mountPath": "/log"}]

    def step(name: str, then: str = "", **more: object) -> dict[str, object]:
        return container(name, f"echo {name} >> /log/all; {then}", volumeMounts=mounts, **more)

    k.apply(
        pod(
            "order",
            step("main", "cat /log/all; exec sleep 3600"),
            initContainers=[
                step("first"),
                step("side", "exec sleep 3600", restartPolicy="Always"),
                step("last"),
            ],
            volumes=[{"name": "log", "emptyDir": {}}],
        ),
        pod("fails", container(script="exit 0"), initContainers=[container("bad", "exit 3")],
            restartPolicy="Never"),
        pod("once", container(script="echo done; exit 4"), restartPolicy="Never"),
        pod("again", container(script="echo run; sleep 0.5; exit 5"), restartPolicy="OnFailure"),
        pod("side", container(script="sleep 1"), restartPolicy="Never", initContainers=[
            step("beside", "exec sleep 3600", restartPolicy="Always")],
            volumes=[{"name": "log", "emptyDir": {}}]),
        pod("message", container(script="echo why > /dev/termination-log; exit 6"),
            restartPolicy="Never"),
        namespace="order",
    )  # fmt: skip
    k.ready("order", namespace="order")
    assert k("logs", "order", *at, "-c", "main").out.split() == ["first", "side", "last", "main"]
    assert "2/2" in k("get", "pod/order", *at).out
    k("wait", *at, "--for=jsonpath={.status.phase}=Failed", "pod/fails", "pod/once", "pod/message",
      "--timeout=30s")  # fmt: skip
    assert "Init:Error" in k("get", "pod/fails", *at).out
    state = k.get("pod/message", *at)["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (state["exitCode"], state["message"]) == (6, "why\n")
    k("wait", *at, "--for=jsonpath={.status.phase}=Succeeded", "pod/side", "--timeout=30s")
    until(lambda: k.get("pod/again", *at)["status"]["containerStatuses"][0]["restartCount"] >= 1)
    until(lambda: "CrashLoopBackOff" in k("get", "pod/again", *at).out)
    assert "Back-off restarting failed container main in pod again_order" in (
        until(lambda: k("events", *at, "--for=pod/again", "--types=Warning").out)
    )
    k("delete", "namespace", "order", "--wait=false")


def test_a_pod_ends_gracefully_within_its_period(k: RealCluster) -> None:
    k("create", "namespace", "grace")
    at = ("-n", "grace")
    hear = "trap 'echo bye; sleep 1; echo gone; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook > /proc/1/fd/1"]}}}
    k.apply(
        pod("polite", container(script=hear, lifecycle=hook)),
        pod("deaf", container(script="trap '' TERM; while true; do sleep 0.1; done")),
        namespace="grace",
    )
    k.ready("polite", "deaf", namespace="grace")
    following = k.start("logs", "-f", "polite", *at)
    until(lambda: "up" in k("logs", "polite", *at).out)
    k("delete", "pod/polite", *at, "--grace-period=10", "--wait=false")
    assert "Terminating" in k("get", "pod/polite", *at).out
    k("wait", *at, "--for=delete", "pod/polite", "--timeout=20s")
    said, _ = following.communicate(timeout=20)
    assert said.split()[-3:] == ["hook", "bye", "gone"]
    k("delete", "pod/deaf", *at, "--timeout=20s")
    k("delete", "namespace", "grace", "--wait=false")


def test_users_capabilities_and_read_only_roots_are_kept_to(k: RealCluster) -> None:
    k("create", "namespace", "secure")
    context = {"runAsUser": 1000, "runAsGroup": 2000, "readOnlyRootFilesystem": True,
               "capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}  # fmt: skip
    script = "id; touch /x; grep CapEff /proc/self/status; hostname"
    k.apply(
        pod(
            "secure",
            container(script=script, securityContext=context),
            restartPolicy="Never",
            hostname="called",
            securityContext={"fsGroup": 3000},
        ),
        pod("host", container(script="ls /proc/1/root >/dev/null; hostname; exec sleep 3600"),
            hostNetwork=True),
        namespace="secure",
    )  # fmt: skip
    k("wait", "-n", "secure", "--for=jsonpath={.status.phase}=Succeeded", "pod/secure",
      "--timeout=30s")  # fmt: skip
    said = k("logs", "secure", "-n", "secure").out
    assert "uid=1000 gid=2000 groups=2000,3000" in said
    assert "Read-only file system" in said
    assert "CapEff:\t0000000000000000" in said
    # What comes on standard error may be told before or after.
    assert "called" in said.splitlines()
    k.ready("host", namespace="secure")
    status = k.get("pod/host", "-n", "secure")["status"]
    assert status["podIP"] == status["hostIP"]
    k("delete", "namespace", "secure", "--wait=false")


def test_an_image_that_cannot_be_had_is_said(k: RealCluster) -> None:
    missing = container(image="pinnace.local/nothing:here", imagePullPolicy="Never")
    k.apply(pod("never", missing), pod("present", container(script="sleep 100")))
    until(lambda: "ErrImageNeverPull" in k("get", "pod/never").out)
    described = k("describe", "pod/never").out
    assert (
        'image "pinnace.local/nothing:here" is not present with pull policy of Never' in described
    )
    k.ready("present")
    assert f'Container image "{IMAGE}" already present' in k("describe", "pod/present").out
    k("delete", "pod/never", "pod/present", "--now")
