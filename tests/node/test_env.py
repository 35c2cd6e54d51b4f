import base64

import pytest

from pinnace.node.downward import Facts, FieldError, field_value, resource_value
from pinnace.node.env import ConfigError, Sources, environment
from pinnace.node.expansion import expand
from pinnace.node.podspec import Declared
from pinnace.node.serviceenv import service_environment
from pinnace.testing.kubelet_stage import make_container, make_pod

FACTS = Facts(
    pod_ips=("10.0.0.5",), host_ips=("10.0.0.1",), allocatable={"cpu": "4", "memory": "8Gi"}
)
CONF = {"data": {"a": "1", "b": "2"}}
SECRET = {"data": {"key": base64.b64encode(b"hidden").decode()}}


def env_of(env=(), env_from=(), services=None, **fields):
    spec = make_container(env=list(env), envFrom=list(env_from), **fields)
    pod = make_pod(containers=[spec], serviceAccountName="robot")
    sources = Sources(
        config_map=lambda name: CONF if name == "conf" else None,
        secret=lambda name: SECRET if name == "secret" else None,
        services=services or {},
        facts=FACTS,
    )
    return environment(pod, Declared(spec, "app"), sources)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$(NONE)", "$(NONE)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(A", "$(A"),
        ("$A", "$A"),
        ("$", "$"),
        ("a$", "a$"),
        ("$()", "$()"),
    ],
)
def test_references_are_replaced_as_upstream_does(text, wanted):
    assert expand(text, {"A": "1", "B": "2"}.get) == wanted


def test_a_variable_sees_those_before_it_and_the_services():
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(HOST)-$(C)"}]
    assert env_of(env, services={"HOST": "h"})["B"] == "1-h-$(C)"


def test_declared_variables_win_over_those_from_maps_and_services():
    found = env_of(
        [{"name": "a", "value": "mine"}],
        [{"configMapRef": {"name": "conf"}}, {"prefix": "S_", "secretRef": {"name": "secret"}}],
        services={"a": "theirs", "z": "9"},
    )
    assert found == {"a": "mine", "b": "2", "S_key": "hidden", "z": "9"}


SOURCES = {
    "field": ({"fieldRef": {"fieldPath": "metadata.name"}}, "web"),
    "pod address": ({"fieldRef": {"fieldPath": "status.podIP"}}, "10.0.0.5"),
    "account": ({"fieldRef": {"fieldPath": "spec.serviceAccountName"}}, "robot"),
    "config map": ({"configMapKeyRef": {"name": "conf", "key": "a"}}, "1"),
    "secret": ({"secretKeyRef": {"name": "secret", "key": "key"}}, "hidden"),
    "limit of the node": ({"resourceFieldRef": {"resource": "limits.cpu"}}, "4"),
}


@pytest.mark.parametrize(("source", "wanted"), SOURCES.values(), ids=SOURCES)
def test_values_from_sources(source, wanted):
    assert env_of([{"name": "X", "valueFrom": source}])["X"] == wanted


REFUSED = {
    "no map": ({"configMapKeyRef": {"name": "x", "key": "a"}}, 'configmap "x" not found'),
    "no key": (
        {"configMapKeyRef": {"name": "conf", "key": "k"}},
        "couldn't find key k in ConfigMap default/conf",
    ),
    "no secret": ({"secretKeyRef": {"name": "x", "key": "a"}}, 'secret "x" not found'),
    "no secret key": (
        {"secretKeyRef": {"name": "secret", "key": "k"}},
        "couldn't find key k in Secret default/secret",
    ),
}


@pytest.mark.parametrize(("source", "text"), REFUSED.values(), ids=REFUSED)
def test_missing_sources_are_told_in_upstreams_words(source, text):
    with pytest.raises(ConfigError) as caught:
        env_of([{"name": "X", "valueFrom": source}])
    assert str(caught.value) == text


def test_optional_sources_may_be_missing():
    ref = {"name": "x", "key": "a", "optional": True}
    assert env_of([{"name": "X", "valueFrom": {"configMapKeyRef": ref}}]) == {}
    assert env_of((), [{"configMapRef": {"name": "x", "optional": True}}]) == {}


def test_labels_are_written_sorted_and_quoted():
    pod = make_pod()
    pod["metadata"]["labels"] = {"b": 'say "x"', "a": "1"}
    assert field_value(pod, "metadata.labels", FACTS) == 'a="1"\nb="say \\"x\\""'
    assert field_value(pod, "metadata.labels['a']", FACTS) == "1"
    with pytest.raises(FieldError):
        field_value(pod, "spec.containers", FACTS)


@pytest.mark.parametrize(
    ("resource", "divisor", "wanted"),
    [
        ("limits.cpu", "1", "1"),
        ("limits.cpu", "1m", "300"),
        ("requests.memory", "1Mi", "64"),
        ("limits.memory", None, "8589934592"),
        ("requests.cpu", "1m", "300"),
    ],
)
def test_resources_are_rounded_up_to_the_divisor(resource, divisor, wanted):
    spec = {"resources": {"limits": {"cpu": "300m"}, "requests": {"memory": "64Mi"}}}
    assert resource_value(spec, {"resource": resource, "divisor": divisor}, FACTS) == wanted


def service(name, namespace="default", ip="10.96.0.1", ports=({"port": 443, "name": "https"},)):
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterIP": ip, "ports": list(ports)},
    }


def test_services_become_variables():
    found = service_environment([service("kubernetes")], "other", links=False)
    assert found == {
        "KUBERNETES_SERVICE_HOST": "10.96.0.1",
        "KUBERNETES_SERVICE_PORT": "443",
        "KUBERNETES_SERVICE_PORT_HTTPS": "443",
        "KUBERNETES_PORT": "tcp://10.96.0.1:443",
        "KUBERNETES_PORT_443_TCP": "tcp://10.96.0.1:443",
        "KUBERNETES_PORT_443_TCP_PROTO": "tcp",
        "KUBERNETES_PORT_443_TCP_PORT": "443",
        "KUBERNETES_PORT_443_TCP_ADDR": "10.96.0.1",
    }


def test_only_services_with_addresses_in_the_pods_namespace_are_linked():
    services = [
        service("web-db", ip="10.96.0.7", ports=({"port": 5432},)),
        service("headless", ip="None"),
        service("far", namespace="elsewhere"),
    ]
    found = service_environment(services, "default", links=True)
    assert found["WEB_DB_SERVICE_HOST"] == "10.96.0.7"
    assert not any(name.startswith(("HEADLESS", "FAR")) for name in found)
    assert service_environment(services, "default", links=False) == {}
