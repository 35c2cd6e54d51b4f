"""Everyday kubectl that needs no container: it does what it does against any cluster."""

import json
from pathlib import Path

import pytest
import yaml
from tests.e2e.real_cluster import IMAGE, MARKS, RealCluster, until

pytestmark = MARKS
AT = ("-n", "kubectl")


@pytest.fixture(scope="module", autouse=True)
def namespace(k: RealCluster) -> None:
    k("create", "namespace", "kubectl")
    until(lambda: k("get", "serviceaccount/default", *AT, check=False).code == 0)


def test_every_kind_that_kubectl_creates_can_be_created(k: RealCluster, tmp_path: Path) -> None:
    literal = "--from-literal=a=b"
    for arguments in (
        ["configmap", "made", literal],
        ["secret", "generic", "made", literal],
        ["secret", "docker-registry", "made2", "--docker-username=u", "--docker-password=p"],
        ["deployment", "made", f"--image={IMAGE}", "--replicas=0"],
        ["job", "made", f"--image={IMAGE}", "--", "echo", "made"],
        ["cronjob", "made", f"--image={IMAGE}", "--schedule=0 0 1 1 *", "--", "true"],
        ["job", "made2", "--from=cronjob/made"],
        ["role", "made", "--verb=get,list", "--resource=pods,deployments.apps"],
        ["rolebinding", "made", "--role=made", "--serviceaccount=kubectl:made"],
        ["clusterrole", "made", "--verb=get", "--non-resource-url=/logs/*"],
        ["clusterrolebinding", "made", "--clusterrole=made", "--user=somebody"],
        ["serviceaccount", "made"],
        ["quota", "made", "--hard=configmaps=100"],
        ["poddisruptionbudget", "made", "--selector=a=b", "--min-available=1"],
        ["priorityclass", "made", "--value=7"],
        ["ingress", "made", "--rule=host/path=made:80"],
        ["service", "clusterip", "made", "--tcp=80:8080"],
        ["service", "nodeport", "made2", "--tcp=80:8080"],
        ["service", "externalname", "made3", "--external-name=example.org"],
        ["service", "loadbalancer", "made4", "--tcp=80:8080"],
    ):
        assert " created" in k(*AT, "create", *arguments).out
    again = k("create", "configmap", "made", *AT, check=False)
    assert again.err == ('error: failed to create configmap: configmaps "made" already exists\n')
    until(lambda: k.get("quota/made", *AT)["status"].get("used", {}).get("configmaps"))
    k("wait", *AT, "--for=condition=Complete", "job/made", "job/made2", "--timeout=30s")
    listed = k("get", "all,quota,pdb,ingress,role,rolebinding", *AT)
    assert "error" not in listed.all
    k("delete", "clusterrole/made", "clusterrolebinding/made", "priorityclass/made")


def test_a_token_speaks_for_its_service_account(k: RealCluster) -> None:
    k("create", "serviceaccount", "speaker", *AT)
    token = k("create", "token", "speaker", *AT, "--duration=10m").out.strip()
    server = f"https://127.0.0.1:{k.port}"
    told = ("--kubeconfig=/dev/null", f"--server={server}", "--insecure-skip-tls-verify")
    who = k("auth", "whoami", "-o", "json", *told, f"--token={token}").out
    assert json.loads(who)["status"]["userInfo"]["username"] == (
        "system:serviceaccount:kubectl:speaker"
    )
    refused = k("get", "pods", *AT, *told, f"--token={token}", check=False)
    assert refused.err == (
        'Error from server (Forbidden): pods is forbidden: User "system:serviceaccount:kubectl:'
        'speaker" cannot list resource "pods" in API group "" in the namespace "kubectl"\n'
    )
    wrong = k("get", "pods", *told, "--token=nonsense", check=False)
    assert "Unauthorized" in wrong.err


def test_the_cluster_explains_itself(k: RealCluster) -> None:
    said = k("explain", "pod.spec").out
    assert "FIELD: spec <PodSpec>" in said
    assert "containers\t<[]Container> -required-" in said
    assert "livenessProbe" in k("explain", "deployment.spec.template.spec", "--recursive").out
    resources = k("api-resources", "--verbs=list", "-o", "name").out.split()
    assert {"pods", "deployments.apps", "customresourcedefinitions.apiextensions.k8s.io"} <= {
        *resources
    }
    kinds = k("api-resources").out
    assert "deploy" in kinds
    assert "batch/v1" in k("api-versions").out
    rights = k("auth", "can-i", "--list").out
    assert "*.*" in rights
    assert k("auth", "can-i", "delete", "nodes", "--as=nobody", check=False).out == "no\n"
    assert k("version").out.count("v1.") >= 2
    assert "is running at" in k("cluster-info").out
    until(lambda: k("top", "node", check=False).code == 0)
    assert k.node in k("top", "node").out
    described = k("describe", "node", k.node).out
    assert "kubelet is posting ready status" in described
    assert "Allocated resources:" in described


def test_objects_are_labelled_annotated_and_patched_in_every_way(k: RealCluster) -> None:
    name = "configmap/patched"
    k("create", "configmap", "patched", *AT, "--from-literal=a=1")
    k("label", name, *AT, "one=1", "two=2")
    k("label", name, *AT, "two-")
    k("annotate", name, *AT, "note=here")
    k("patch", name, *AT, "-p", '{"data":{"b":"2"}}')
    k("patch", name, *AT, "--type=merge", "-p", '{"data":{"c":"3","a":null}}')
    k("patch", name, *AT, "--type=json", "-p", '[{"op":"add","path":"/data/d","value":"4"}]')
    found = k.get(name, *AT)
    assert found["data"] == {"b": "2", "c": "3", "d": "4"}
    assert found["metadata"]["labels"] == {"one": "1"}
    refused = k("label", name, *AT, "one=2", check=False)
    assert "already has a value (1), and --overwrite is false" in refused.err
    invalid = k("label", name, *AT, "bad=not valid", check=False)
    assert "Invalid value" in invalid.err or "invalid label value" in invalid.err
    stale = {**found, "metadata": {**found["metadata"], "resourceVersion": "1"}}
    conflict = k("replace", "-f", "-", stdin=json.dumps(stale), check=False)
    assert "the object has been modified; please apply your changes to the latest" in conflict.err
    found["data"]["e"] = "5"
    k("replace", "-f", "-", stdin=json.dumps(found))
    sed = {"EDITOR": "sed -i s/here/there/"}
    assert "edited" in k("edit", name, *AT, environment=sed).out
    assert k.get(name, *AT)["metadata"]["annotations"]["note"] == "there"


def test_apply_keeps_and_diff_shows(k: RealCluster) -> None:
    manifest = {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "applied", "namespace": "kubectl"}, "data": {"a": "1", "b": "2"},
    }  # fmt: skip
    text = json.dumps(manifest)
    assert k("apply", "-f", "-", stdin=text).out == "configmap/applied created\n"
    assert k("apply", "-f", "-", stdin=text).out == "configmap/applied unchanged\n"
    manifest["data"] = {"a": "9"}
    text = json.dumps(manifest)
    shown = k("diff", "-f", "-", stdin=text, check=False)
    assert shown.code == 1, shown.all
    assert '-  b: "2"' in shown.out
    assert k("apply", "-f", "-", stdin=text, check=True).out == "configmap/applied configured\n"
    assert k("diff", "-f", "-", stdin=text).out == ""
    assert k.get("configmap/applied", *AT)["data"] == {"a": "9"}
    dry = k("apply", "-f", "-", "--dry-run=server", stdin=text.replace("applied", "never"))
    assert dry.out == "configmap/never created (server dry run)\n"
    assert "NotFound" in k("get", "configmap/never", *AT, check=False).err
    typo = k("apply", "-f", "-", stdin=text.replace('"data"', '"dat"'), check=False)
    assert 'unknown field "dat"' in typo.err


def test_server_side_apply_owns_fields_and_tells_of_conflicts(k: RealCluster) -> None:
    def told(value: str) -> str:
        return json.dumps({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "owned", "namespace": "kubectl"}, "data": {"a": value},
        })  # fmt: skip

    server = ("apply", "--server-side", "-f", "-")
    assert "serverside-applied" in k(*server, "--field-manager=one", stdin=told("1")).out
    conflict = k(*server, "--field-manager=two", stdin=told("2"), check=False)
    assert 'conflict with "one": .data.a' in conflict.err
    k(*server, "--field-manager=two", "--force-conflicts", stdin=told("2"))
    found = k.get("configmap/owned", *AT, "--show-managed-fields")
    assert found["data"] == {"a": "2"}
    owners = [entry["manager"] for entry in found["metadata"]["managedFields"]]
    assert "two" in owners


def test_get_prints_in_every_form(k: RealCluster) -> None:
    k("create", "configmap", "shown", *AT, "--from-literal=a=1")
    name = ("configmap/shown", *AT)
    assert yaml.safe_load(k("get", *name, "-o", "yaml").out)["data"] == {"a": "1"}
    assert k("get", *name, "-o", "jsonpath={.data.a}").out == "1"
    assert k("get", *name, "-o", "go-template={{.data.a}}").out == "1"
    assert k("get", *name, "-o", "custom-columns=N:.metadata.name").out.split() == ["N", "shown"]
    assert k("get", *name, "-o", "name").out == "configmap/shown\n"
    assert k("get", "nodes", "-o", "wide").out.splitlines()[0].split()[-1] == "CONTAINER-RUNTIME"
    wide = k("get", "cm", "-A", "--sort-by=.metadata.name", "-l", "none=such").all
    assert "No resources found" in wide
    chunked = k("get", "clusterroles", "--chunk-size=7", "-o", "name").out
    assert chunked == k("get", "clusterroles", "-o", "name").out
    bad = k("get", "pods", "--field-selector=nope=1", check=False)
    assert "field label not supported: nope" in bad.err
    assert k("get", "pod", "missing", *AT, check=False).err == (
        'Error from server (NotFound): pods "missing" not found\n'
    )


def test_watch_and_wait_see_what_happens(k: RealCluster) -> None:
    watching = k.start("get", "configmaps", *AT, "--watch-only", "-o", "name")
    waiting = k.start("wait", "--for=create", "configmap/event", *AT, "--timeout=20s")
    assert watching.stdout is not None
    try:
        until(lambda: "run" in k("create", "configmap", "event", *AT, "--dry-run=server").out)
        until(lambda: k("get", "--raw", "/livez").out == "ok")
        waiting_said = k("create", "configmap", "event", *AT)
        assert waiting_said.code == 0
        assert waiting.wait(20) == 0
        k("delete", "configmap/event", *AT)
        while watching.stdout.readline() != "configmap/event\n":
            assert watching.poll() is None
    finally:
        for process in (watching, waiting):
            process.kill()
            process.communicate()


def test_lists_and_kustomizations_are_applied_and_deleted_whole(
    k: RealCluster, tmp_path: Path
) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "namespace: kubectl\nnamePrefix: pre-\nconfigMapGenerator:\n- name: gen\n"
        "  literals: [a=b]\ngeneratorOptions: {disableNameSuffixHash: true}\n"
    )
    assert "configmap/pre-gen created" in k("apply", "-k", str(tmp_path)).out
    k("delete", "-k", str(tmp_path))
    exported = k("get", "roles,rolebindings", *AT, "-o", "yaml").out
    assert "error" not in k("apply", "-f", "-", stdin=exported).out
    k("delete", "configmaps", "--all", *AT)
    k("delete", "namespace", "kubectl", "--timeout=60s")
