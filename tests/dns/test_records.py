from collections.abc import Iterable

import pytest

from pinnace.api.objects import Key, Object
from pinnace.dns.records import Answer, answer

DOMAIN = "cluster.local"

PORTS = [{"name": "http", "port": 80, "protocol": "TCP"}]
WEB: Object = {
    "metadata": {"namespace": "default", "name": "web"},
    "spec": {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "ports": PORTS},
}
DB: Object = {
    "metadata": {"namespace": "default", "name": "db"},
    "spec": {"clusterIP": "None", "clusterIPs": ["None"], "ports": PORTS},
}
OUT: Object = {
    "metadata": {"namespace": "default", "name": "out"},
    "spec": {"type": "ExternalName", "externalName": "example.org"},
}
DB_SLICE: Object = {
    "metadata": {
        "namespace": "default",
        "name": "db-1",
        "labels": {"kubernetes.io/service-name": "db"},
    },
    "addressType": "IPv4",
    "ports": [{"name": "http", "port": 5432, "protocol": "TCP"}],
    "endpoints": [
        {"addresses": ["10.244.0.4"], "hostname": "db-0", "conditions": {"ready": True}},
        {"addresses": ["10.244.0.5"], "conditions": {"ready": True}},
        {"addresses": ["10.244.0.6"], "hostname": "db-2", "conditions": {"ready": False}},
    ],
}


class World:
    def __init__(self, *services: Object) -> None:
        self.services = {(s["metadata"]["namespace"], s["metadata"]["name"]): s for s in services}

    def service(self, key: Key) -> Object | None:
        return self.services.get((key.namespace, key.name))

    def slices(self, service: Key) -> Iterable[Object]:
        return [DB_SLICE] if service == Key("default", "db") else []

    def has_namespace(self, name: str) -> bool:
        return name == "default"

    def service_at(self, ip: str) -> Object | None:
        return WEB if ip == "10.96.0.7" else None

    def slices_at(self, ip: str) -> Iterable[Object]:
        return [DB_SLICE] if ip.startswith("10.244.") else []


def ask(name: str, kind: str = "A") -> Answer | None:
    return answer(name, kind, World(WEB, DB, OUT), domain=DOMAIN)


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        pytest.param("web.default.svc.cluster.local", "A", ["10.96.0.7"], id="cluster-ip"),
        pytest.param("web.default.svc.cluster.local", "AAAA", [], id="no-ipv6"),
        pytest.param(
            "db.default.svc.cluster.local", "A", ["10.244.0.4", "10.244.0.5"], id="headless"
        ),
        pytest.param("db-0.db.default.svc.cluster.local", "A", ["10.244.0.4"], id="hostname"),
        pytest.param(
            "10-244-0-5.db.default.svc.cluster.local", "A", ["10.244.0.5"], id="no-hostname"
        ),
        pytest.param("out.default.svc.cluster.local", "A", ["example.org."], id="external"),
        pytest.param("1-2-3-4.default.pod.cluster.local", "A", ["1.2.3.4"], id="pod"),
        pytest.param("default.svc.cluster.local", "A", [], id="namespace"),
        pytest.param("dns-version.cluster.local", "TXT", ["1.1.0"], id="version"),
        pytest.param(
            "7.0.96.10.in-addr.arpa", "PTR", ["web.default.svc.cluster.local."], id="reverse"
        ),
        pytest.param(
            "4.0.244.10.in-addr.arpa", "PTR", ["db-0.db.default.svc.cluster.local."],
            id="reverse-endpoint",
        ),
        pytest.param(
            "_http._tcp.web.default.svc.cluster.local", "SRV",
            ["0 100 80 web.default.svc.cluster.local."], id="srv",
        ),
    ],
)  # fmt: skip
def test_names_that_exist(name: str, kind: str, data: list[str]) -> None:
    found = ask(name, kind)
    assert found is not None
    assert found.exists
    assert [record.data for record in found.records] == data


@pytest.mark.parametrize(
    "name",
    [
        "nope.default.svc.cluster.local",
        "web.nope.svc.cluster.local",
        "nope.svc.cluster.local",
        "a.web.default.svc.cluster.local",
        "_ftp._tcp.web.default.svc.cluster.local",
        "db-2.db.default.svc.cluster.local",
        "999-2-3-4.default.pod.cluster.local",
        "something.cluster.local",
        "web.default.svc.cluster.local.default.svc.cluster.local",
    ],
)
def test_names_that_do_not_exist(name: str) -> None:
    found = ask(name)
    assert found is not None
    assert not found.exists


@pytest.mark.parametrize("name", ["example.org", "local", "1.2.0.192.in-addr.arpa"])
def test_other_names_are_for_the_forwarder(name: str) -> None:
    assert ask(name) is None


def test_headless_srv_names_each_endpoint_with_its_address() -> None:
    found = ask("_http._tcp.db.default.svc.cluster.local", "SRV")
    assert found is not None
    assert [record.data for record in found.records] == [
        "0 100 5432 db-0.db.default.svc.cluster.local.",
        "0 100 5432 10-244-0-5.db.default.svc.cluster.local.",
    ]
    assert [record.data for record in found.additional] == ["10.244.0.4", "10.244.0.5"]
