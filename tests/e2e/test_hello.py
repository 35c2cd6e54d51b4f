"""The example of the README, end to end."""

import stat

from tests.e2e.real_cluster import MARKS, ROOT, RealCluster, fetch, free_node_port, until

pytestmark = MARKS


def test_the_node_is_ready_and_the_kubeconfig_private(k: RealCluster) -> None:
    assert stat.S_IMODE(k.kubeconfig.stat().st_mode) == 0o600
    k("wait", "--for=condition=Ready", f"node/{k.node}", "--timeout=10s")
    assert k("get", "nodes").out.splitlines()[1].split()[:2] == [k.node, "Ready"]
    assert "No resources found" in k("get", "pods", "-A").err


def test_the_hello_example_serves_by_name_cluster_ip_and_node_port(k: RealCluster) -> None:
    port = free_node_port()
    for path in sorted((ROOT / "examples" / "hello").iterdir()):
        k("apply", "-f", "-", stdin=path.read_text().replace("30080", str(port)))
    k("rollout", "status", "deployment/hello", "--timeout=30s")
    k("wait", "--for=condition=Complete", "job/hello-fetch", "--timeout=30s")
    assert "ahoy from a pinnace" in k("logs", "job/hello-fetch").out
    names = {item["metadata"]["name"] for item in k.get("pods", "-l", "app=hello")["items"]}
    assert len(names) == 3
    cluster_ip = k.get("service", "hello")["spec"]["clusterIP"]
    host = k.get("node", k.node)["status"]["addresses"][0]["address"]
    for address, number in ((cluster_ip, 80), ("127.0.0.1", port), (host, port)):
        seen: set[str] = set()

        def all_seen(address: str = address, number: int = number, seen: set[str] = seen) -> bool:
            text = fetch(address, number)
            assert not text or "ahoy from a pinnace" in text
            seen.add(text.partition(":")[0])
            return names <= seen

        until(all_seen, why=f"{address}:{number} does not reach all three")
    k("delete", "job/hello-fetch", "deployment/hello", "service/hello", "service/hello-nodeport")
    k("wait", "--for=delete", "pod", "-l", "app=hello", "--timeout=20s")
