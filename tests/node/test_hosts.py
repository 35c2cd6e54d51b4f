from pinnace.node.hosts import (
    ClusterNames,
    dns_config,
    hosts_file,
    parse_resolv,
    usable_resolv,
    uts_hostname,
)
from pinnace.testing.kubelet_stage import make_pod

NAMES = ClusterNames("cluster.local", ("10.96.0.10",))
NODE = parse_resolv("# x\nnameserver 8.8.8.8\nsearch corp.example\noptions timeout:1\n")


def test_cluster_first_asks_the_clusters_dns():
    found = dns_config(make_pod(), NAMES, NODE)
    assert found.servers == ["10.96.0.10"]
    assert found.searches == [
        "default.svc.cluster.local",
        "svc.cluster.local",
        "cluster.local",
        "corp.example",
    ]
    assert found.options == ["ndots:5"]


def test_a_pod_on_the_hosts_network_uses_the_hosts_unless_it_asks():
    assert dns_config(make_pod(hostNetwork=True), NAMES, NODE).servers == ["8.8.8.8"]
    asked = make_pod(hostNetwork=True, dnsPolicy="ClusterFirstWithHostNet")
    assert dns_config(asked, NAMES, NODE).servers == ["10.96.0.10"]


def test_own_settings_are_added_and_win():
    config = {
        "nameservers": ["1.1.1.1"],
        "searches": ["mine"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    found = dns_config(make_pod(dnsConfig=config), NAMES, NODE)
    assert found.servers == ["10.96.0.10", "1.1.1.1"]
    assert found.searches[-1] == "mine"
    assert found.options == ["ndots:2", "edns0"]
    only = dns_config(make_pod(dnsPolicy="None", dnsConfig=config), NAMES, NODE)
    assert (only.servers, only.searches) == (["1.1.1.1"], ["mine"])


def test_servers_that_only_the_node_reaches_are_left_out():
    assert usable_resolv("nameserver 127.0.0.53\nnameserver 9.9.9.9\n").servers == ["9.9.9.9"]


def test_hosts_file_has_the_pods_name_and_its_aliases():
    pod = make_pod(
        hostname="h", subdomain="sub", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]
    )
    text = hosts_file(pod, ["10.0.0.5"], NAMES)
    assert text.startswith("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n")
    assert "10.0.0.5\th.sub.default.svc.cluster.local\th\n" in text
    assert text.endswith("\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n")


def test_hosts_file_of_the_hosts_network_is_the_nodes():
    text = hosts_file(make_pod(hostNetwork=True), [], NAMES, node_file="1.1.1.1\tnode\n")
    assert text == "# Kubernetes-managed hosts file (host network).\n1.1.1.1\tnode\n"


def test_hostname_is_cut_and_may_be_the_full_name():
    assert uts_hostname(make_pod("a" * 70), NAMES) == "a" * 63
    full = make_pod(hostname="h", subdomain="sub", setHostnameAsFQDN=True)
    assert uts_hostname(full, NAMES) == "h.sub.default.svc.cluster.local"
