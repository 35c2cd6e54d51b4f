import json

import pytest

from pinnace.node import cni


def network(tmp_path, **more):
    fields = {"name": "dev-1", "bridge": "pin0", "pod_cidrs": ["10.244.1.0/24"], **more}
    return cni.Network(state_dir=tmp_path / "leases", **fields)


def test_the_bridge_gives_addresses_of_the_nodes_own_range(tmp_path):
    document = json.loads(cni.conflist(network(tmp_path)))
    bridge, portmap = document["plugins"]
    assert document["name"] == "dev-1"
    assert (bridge["type"], bridge["bridge"], bridge["isGateway"]) == ("bridge", "pin0", True)
    assert bridge["hairpinMode"] is True
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    assert bridge["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}]
    assert portmap == {"type": "portmap", "capabilities": {"portMappings": True}}


def test_masquerading_is_not_left_to_the_plug_in(tmp_path):
    assert json.loads(cni.conflist(network(tmp_path)))["plugins"][0]["ipMasq"] is False


def test_two_families_have_a_range_and_a_route_each(tmp_path):
    both = network(tmp_path, pod_cidrs=["10.244.1.0/24", "fd00:1::/64"], mtu=1400)
    bridge = json.loads(cni.conflist(both))["plugins"][0]
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}], [{"subnet": "fd00:1::/64"}]]
    assert bridge["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    assert bridge["mtu"] == 1400


def test_host_ports_by_nftables_only_when_asked(tmp_path):
    asked = network(tmp_path, host_ports="nftables")
    assert json.loads(cni.conflist(asked))["plugins"][1]["backend"] == "nftables"
    without = network(tmp_path, host_ports="")
    assert len(json.loads(cni.conflist(without))["plugins"]) == 1


def test_an_interface_name_that_the_kernel_refuses_is_refused(tmp_path):
    with pytest.raises(ValueError, match="longer than 15"):
        cni.conflist(network(tmp_path, bridge="a-very-long-name"))


def test_only_what_leaves_the_cluster_is_masqueraded(tmp_path):
    rules = cni.masquerade_rules(network(tmp_path, cluster_cidrs=["10.244.0.0/16"]))
    assert rules == (
        "add table inet pinnace_masquerade_dev_1\n"
        "delete table inet pinnace_masquerade_dev_1\n"
        "table inet pinnace_masquerade_dev_1 {\n"
        "  chain postrouting {\n"
        "    type nat hook postrouting priority srcnat; policy accept;\n"
        "    ip saddr { 10.244.1.0/24 } ip daddr != { 10.244.0.0/16, 224.0.0.0/4 } masquerade\n"
        "  }\n"
        "}\n"
    )


def test_each_family_has_its_own_rule(tmp_path):
    rules = cni.masquerade_rules(network(tmp_path, pod_cidrs=["10.1.0.0/24", "fd00:1::/64"]))
    assert "ip6 saddr { fd00:1::/64 } ip6 daddr != { fd00:1::/64, ff00::/8 } masquerade" in rules
    assert rules.count("masquerade\n") == 2


def test_the_configuration_is_written_whole(tmp_path):
    cni.write_conflist(network(tmp_path), tmp_path / "conf")
    (path,) = (tmp_path / "conf").iterdir()
    assert path.name == "10-pinnace.conflist"
    assert json.loads(path.read_text())["name"] == "dev-1"


def test_host_ports_are_served_by_iptables_else_by_a_plug_in_that_knows_nftables(tmp_path):
    plugin = tmp_path / "portmap"
    assert cni.host_ports_backend(plugin, iptables=True) == ""
    plugin.write_bytes(b"old")
    assert cni.host_ports_backend(plugin, iptables=True) == "iptables"
    assert cni.host_ports_backend(plugin, iptables=False) == ""
    plugin.write_bytes(b"...sigs.k8s.io/knftables...")
    assert cni.host_ports_backend(plugin, iptables=True) == "iptables"
    assert cni.host_ports_backend(plugin, iptables=False) == "nftables"


SAVED = r"""
*nat
:CNI-DN-1 - [0:0]
-A CNI-DN-1 -p tcp -m tcp --dport 81 -j DNAT --to-destination 10.1.0.2:80
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"dev-1\" id: \"a\"" -j CNI-DN-1
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"dev-10\" id: \"b\"" -j CNI-DN-2
COMMIT
"""


def test_host_ports_of_pods_that_were_killed_are_removed_and_no_others():
    assert cni.stale_host_ports(SAVED, "dev-1") == (
        "*nat\n"
        '-D CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"dev-1\\" id: \\"a\\""'
        " -j CNI-DN-1\n"
        "-F CNI-DN-1\n"
        "-X CNI-DN-1\n"
        "COMMIT\n"
    )
    assert cni.stale_host_ports(SAVED, "other") == ""


SHARED = """*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [3:180]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
COMMIT
"""


def test_what_all_networks_share_goes_with_the_last_host_port():
    assert cni.unused_host_ports(SHARED).splitlines() == [
        "*nat",
        "-D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
        '-D POSTROUTING -m comment --comment "CNI portfwd requiring masquerade"'
        " -j CNI-HOSTPORT-MASQ",
        "-F CNI-HOSTPORT-MASQ",
        "-F CNI-HOSTPORT-SETMARK",
        "-X CNI-HOSTPORT-DNAT",
        "-X CNI-HOSTPORT-MASQ",
        "-X CNI-HOSTPORT-SETMARK",
        "COMMIT",
    ]
    assert cni.unused_host_ports(SAVED) == ""
    used = SHARED.replace("COMMIT", "-A CNI-HOSTPORT-DNAT -p tcp -j CNI-DN-1\nCOMMIT")
    assert cni.unused_host_ports(used) == ""


def test_a_table_is_empty_without_rules_and_chains_of_somebody():
    assert cni.is_empty_table("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
    assert not cni.is_empty_table("*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\nCOMMIT\n")
    assert not cni.is_empty_table("*nat\n:PREROUTING DROP [0:0]\nCOMMIT\n")
    assert not cni.is_empty_table(SHARED)
    assert not cni.is_empty_table("")
