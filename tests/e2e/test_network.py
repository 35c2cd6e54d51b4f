"""Services, names and ports, from Pods and from the host."""

from collections.abc import Iterator

import pytest
from tests.e2e.real_cluster import (
    MARKS,
    RealCluster,
    container,
    fetch,
    free_node_port,
    pod,
    service,
    until,
)

pytestmark = MARKS
AT = ("-n", "net")
SERVE = "hostname > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ASK = (
    'wget -q -O- --no-check-certificate --header "Authorization: Bearer $(cat {account}/token)" '
    "https://kubernetes.default.svc{path} 2>&1"
)


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    node = free_node_port()
    return {"node": node, "host": node + 1}


@pytest.fixture(scope="module", autouse=True)
def servers(k: RealCluster, ports: dict[str, int]) -> Iterator[None]:
    k("create", "namespace", "net")
    web = {"containerPort": 8080, "name": "http"}
    both = {"app": "web"}
    pods = [
        pod(f"web-{n}", container(script=SERVE, ports=[web]), labels=both, subdomain="headless",
            hostname=f"web-{n}")
        for n in range(2)
    ]  # fmt: skip
    self_pod = pod("alone", container(script=SERVE, ports=[web]), labels={"app": "alone"})
    listening = pod(
        "listening",
        container(script=SERVE, ports=[{"containerPort": 8080, "hostPort": ports["host"]}]),
    )
    k.apply(
        *pods, self_pod, listening, pod("client"),
        service("web", both, ports=[{"name": "http", "port": 80, "targetPort": "http"}]),
        service("sticky", both, sessionAffinity="ClientIP"),
        service("headless", both, clusterIP="None"),
        service("mirror", {"app": "alone"}),
        service("nobody", {"app": "nobody"}),
        service("node", both, type="NodePort",
                ports=[{"port": 80, "targetPort": 8080, "nodePort": ports["node"]}]),
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "alias"},
         "spec": {"type": "ExternalName", "externalName": "web.net.svc.cluster.local"}},
        namespace="net",
    )  # fmt: skip
    k.ready("web-0", "web-1", "alone", "listening", "client", namespace="net")
    yield
    k("delete", "namespace", "net", "--wait=false")


def inside(k: RealCluster, script: str, name: str = "client") -> str:
    return k("exec", name, *AT, "--", "sh", "-c", script, check=False).out


def address(k: RealCluster, name: str) -> str:
    return str(k.get("service", name, *AT)["spec"]["clusterIP"])


def test_a_service_spreads_by_every_form_of_its_name(k: RealCluster) -> None:
    for name in ("web", "web.net", "web.net.svc", "web.net.svc.cluster.local", "alias"):
        seen: set[str] = set()

        def both(name: str = name, seen: set[str] = seen) -> bool:
            seen.update(
                inside(k, f"for i in 1 2 3 4 5 6; do wget -qO- http://{name}/; done").split()
            )
            return seen == {"web-0", "web-1"}

        until(both, why=f"{name} does not reach both")


def test_dns_answers_for_pods_headless_services_and_strangers(k: RealCluster) -> None:
    ips = {
        item["metadata"]["name"]: item["status"]["podIP"]
        for item in k.get("pods", *AT, "-l", "app=web")["items"]
    }
    looked = inside(k, "nslookup headless.net.svc.cluster.local")
    assert set(ips.values()) <= set(looked.split())
    assert ips["web-1"] in inside(k, "nslookup web-1.headless.net.svc.cluster.local")
    reverse = inside(k, f"nslookup {address(k, 'web')}")
    assert "web.net.svc.cluster.local" in reverse
    assert "NXDOMAIN" in inside(k, "nslookup missing.net.svc.cluster.local 2>&1")
    assert "search net.svc.cluster.local svc.cluster.local cluster.local" in (
        inside(k, "cat /etc/resolv.conf")
    )


def test_session_affinity_keeps_to_one_pod(k: RealCluster) -> None:
    asked = "for i in 1 2 3 4 5 6 7 8; do wget -qO- http://sticky/; done"
    assert len(set(inside(k, asked).split())) == 1


def test_a_pod_reaches_itself_through_its_service(k: RealCluster) -> None:
    until(lambda: inside(k, "wget -qO- http://mirror/", "alone") == "alone\n")


def test_a_service_without_endpoints_refuses_at_once(k: RealCluster) -> None:
    assert "refused" in inside(k, "wget -O- http://nobody/ 2>&1")


def test_node_ports_and_host_ports_answer_on_the_host(
    k: RealCluster, ports: dict[str, int]
) -> None:
    host = k.get("node", k.node)["status"]["addresses"][0]["address"]
    for at in ("127.0.0.1", host):
        until(lambda at=at: fetch(at, ports["node"]).startswith("web-"), why=f"NodePort on {at}")
        assert fetch(at, ports["host"]) == "listening\n", at
    assert inside(k, f"wget -qO- http://{host}:{ports['node']}/").startswith("web-")
    assert fetch(address(k, "web"), 80).startswith("web-")


def test_the_api_is_reached_from_a_pod_with_its_token(k: RealCluster) -> None:
    version = ASK.format(account=ACCOUNT, path="/version")
    assert '"gitVersion"' in inside(k, version)
    pods = ASK.format(account=ACCOUNT, path="/api/v1/namespaces/net/pods")
    assert "403" in inside(k, pods)
    k("create", "rolebinding", "look", *AT, "--clusterrole=view", "--serviceaccount=net:default")
    until(lambda: '"PodList"' in inside(k, pods))
    assert "403" in inside(k, pods.replace("namespaces/net", "namespaces/kube-system"))
    who = k("auth", "can-i", "list", "pods", *AT, "--as=system:serviceaccount:net:default")
    assert who.out == "yes\n"


def test_describing_a_service_names_its_endpoints(k: RealCluster) -> None:
    said = k("describe", "service/web", *AT).out
    ips = [item["status"]["podIP"] for item in k.get("pods", *AT, "-l", "app=web")["items"]]
    assert all(f"{ip}:8080" in said for ip in ips)
    assert k.get("endpoints", "web", *AT)["subsets"][0]["ports"][0]["port"] == 8080
    proxied = k("get", "--raw", "/api/v1/namespaces/net/services/web:http/proxy/").out
    assert proxied.startswith("web-")
    assert k("get", "--raw", "/api/v1/namespaces/net/pods/web-0:8080/proxy/").out == "web-0\n"
