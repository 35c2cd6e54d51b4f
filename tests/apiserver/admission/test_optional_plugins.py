"""Plug-ins that are off by default, and the settings that turn them on."""

import pytest

from pinnace.api.errors import ApiError
from pinnace.api.kinds.core import CONFIGMAPS, EVENTS, NAMESPACES, NODES, PODS, SERVICES
from pinnace.api.wire import User
from pinnace.apiserver.admission import options, settings
from pinnace.apiserver.admission.always_pull_images import AlwaysPullImages
from pinnace.apiserver.admission.base import Attributes
from pinnace.apiserver.admission.deny_service_external_ips import DenyServiceExternalIPs
from pinnace.apiserver.admission.event_rate_limit import EventRateLimit, Limit
from pinnace.apiserver.admission.extended_resource_toleration import ExtendedResourceToleration
from pinnace.apiserver.admission.limit_anti_affinity import LimitPodHardAntiAffinityTopology
from pinnace.apiserver.admission.namespace_auto_provision import NamespaceAutoProvision
from pinnace.apiserver.admission.node_declared_features import NodeDeclaredFeatureValidator
from pinnace.apiserver.admission.options import AdmissionOptions
from pinnace.apiserver.admission.owner_references import OwnerReferencesPermissionEnforcement
from pinnace.apiserver.admission.pod_node_selector import PodNodeSelector
from pinnace.apiserver.admission.pod_resize import PodResizeValidator
from pinnace.apiserver.admission.pod_security import PodSecurity
from pinnace.apiserver.admission.pod_toleration_restriction import PodTolerationRestriction, merged
from pinnace.apiserver.authz.base import ALLOWED, no_opinion


class Objects:
    """A look-up in a dict by kind and name."""

    def __init__(self, *objects):
        self._objects = {(row.plural, obj["metadata"]["name"]): obj for row, obj in objects}

    def get(self, row, namespace, name):
        return self._objects.get((row.plural, name))

    def list(self, row, namespace=""):
        return [obj for (plural, _), obj in self._objects.items() if plural == row.plural]


def namespace(**annotations):
    annotations = {f"scheduler.alpha.kubernetes.io/{k}": v for k, v in annotations.items()}
    return NAMESPACES, {"metadata": {"name": "ns", "annotations": annotations}}


def write(row, obj, old=None, *, subresource="", lookup=None, user="u"):
    return Attributes(
        row=row,
        operation="UPDATE" if old else "CREATE",
        obj=obj,
        old=old,
        user=User(user, ()),
        lookup=lookup or Objects(namespace()),
        namespace="ns",
        name=obj["metadata"]["name"],
        subresource=subresource,
    )


def pod(container=None, **spec):
    container = {"name": "c", "image": "i", **(container or {})}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


def refusal(run, attributes):
    with pytest.raises(ApiError) as refused:
        run(attributes)
    return refused.value


def test_external_ips_may_stay_and_not_come():
    plugin = DenyServiceExternalIPs()
    service = {"metadata": {"name": "s"}, "spec": {"externalIPs": ["1.1.1.1"]}}
    plugin.validate(write(SERVICES, service, service))
    assert refusal(plugin.validate, write(SERVICES, service)).message == (
        'services "s" is forbidden: Use of external IPs is denied by admission control'
    )


def test_every_image_is_pulled_always():
    plugin, asked = AlwaysPullImages(), write(PODS, pod({"imagePullPolicy": "Never"}))
    assert "Unsupported value" in refusal(plugin.validate, asked).message
    plugin.mutate(asked)
    plugin.validate(asked)
    assert asked.obj["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    same = write(PODS, pod({"imagePullPolicy": "Never"}), pod({"imagePullPolicy": "Never"}))
    plugin.validate(same)


def test_devices_come_with_their_toleration_once():
    asked = write(PODS, pod({"resources": {"requests": {"example.com/gpu": "1", "cpu": "1"}}}))
    for _ in range(2):
        ExtendedResourceToleration().mutate(asked)
    assert asked.obj["spec"]["tolerations"] == [
        {"key": "example.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]


def test_a_namespace_chooses_nodes_for_its_pods():
    plugin = PodNodeSelector({"clusterDefaultNodeSelector": "a=b", "ns": "a=b,c=d"})
    asked = write(PODS, pod(nodeSelector={"c": "d"}))
    plugin.mutate(asked)
    assert asked.obj["spec"]["nodeSelector"] == {"a": "b", "c": "d"}
    refused = refusal(plugin.mutate, write(PODS, pod(nodeSelector={"a": "x"})))
    assert refused.message.endswith("conflicts with its namespace node label selector")
    refused = refusal(plugin.mutate, write(PODS, pod(nodeSelector={"e": "f"})))
    assert refused.message.endswith("labels conflict with its namespace whitelist")
    own = Objects(namespace(**{"node-selector": "x=y"}))
    asked = write(PODS, pod(), lookup=own)
    PodNodeSelector({}).mutate(asked)
    assert asked.obj["spec"]["nodeSelector"] == {"x": "y"}


def test_tolerations_are_merged_and_checked():
    wide = {"operator": "Exists"}
    given = Objects(namespace(defaultTolerations='[{"key":"b","operator":"Exists"}]'))
    asked = write(PODS, pod(), lookup=given)
    PodTolerationRestriction(allowed=[wide]).mutate(asked)
    assert asked.obj["spec"]["tolerations"] == [{"key": "b", "operator": "Exists"}]
    asked = write(PODS, pod(tolerations=[wide]))
    refused = refusal(PodTolerationRestriction(allowed=[{"key": "a"}]).mutate, asked)
    assert refused.message.endswith("conflict with its cluster whitelist")
    narrow = {"key": "a", "operator": "Equal", "value": "1"}
    assert merged([narrow, wide, narrow]) == [wide]


def test_events_beyond_a_limit_are_refused_until_time_has_passed():
    now = [0.0]
    plugin = EventRateLimit([Limit(type="Namespace", qps=1, burst=2)], lambda: now[0])
    event = {"metadata": {"name": "e"}}
    plugin.validate(write(EVENTS, event))
    plugin.validate(write(EVENTS, event))
    refused = refusal(plugin.validate, write(EVENTS, event))
    assert (refused.code, refused.message) == (
        429,
        "Too many requests: limit reached on type Namespace for key ns",
    )
    now[0] = 1.0
    plugin.validate(write(EVENTS, event))


async def test_a_missing_namespace_is_made_unless_nothing_is_stored():
    made = []

    async def make(name):
        made.append(name)

    plugin = NamespaceAutoProvision(make)
    asked = write(CONFIGMAPS, {"metadata": {"name": "c"}}, lookup=Objects())
    await plugin.mutate(asked)
    asked.dry_run = True
    assert plugin.mutate(asked) is None
    assert plugin.mutate(write(CONFIGMAPS, {"metadata": {"name": "c"}})) is None
    assert made == ["ns"]


def test_pods_keep_apart_by_host_only():
    term = {"topologyKey": "zone"}
    anti = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    plugin, asked = LimitPodHardAntiAffinityTopology(), write(PODS, pod(affinity=anti))
    assert "has TopologyKey zone but only key" in refusal(plugin.validate, asked).message
    term["topologyKey"] = "kubernetes.io/hostname"
    plugin.validate(asked)


class Rights:
    """Allows what it was told to."""

    def __init__(self, *allowed):
        self.allowed = allowed

    def authorize(self, user, asked):
        what = f"{asked.verb} {asked.resource}/{asked.subresource}"
        return ALLOWED if what in self.allowed else no_opinion("no")


def owned(**more):
    ref = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", **more}
    return {"metadata": {"name": "c", "ownerReferences": [ref]}}


async def refused_later(waiting):
    with pytest.raises(ApiError) as caught:
        await waiting
    return caught.value


async def test_owners_are_given_by_who_may_delete():
    free = {"metadata": {"name": "c"}}
    plugin = OwnerReferencesPermissionEnforcement(Rights(), [PODS])
    await plugin.validate(write(CONFIGMAPS, owned()))
    await plugin.validate(write(CONFIGMAPS, owned(), owned()))
    refused = await refused_later(plugin.validate(write(CONFIGMAPS, owned(), free)))
    assert refused.message.endswith(
        "cannot set an ownerRef on a resource you can't delete: no, <nil>"
    )
    able = OwnerReferencesPermissionEnforcement(Rights("delete configmaps/"), [PODS])
    await able.validate(write(CONFIGMAPS, owned(), free))


async def test_owners_are_held_by_who_may_set_their_finalizers():
    asked = write(CONFIGMAPS, owned(blockOwnerDeletion=True))
    plugin = OwnerReferencesPermissionEnforcement(Rights(), [PODS])
    assert (
        "can't set finalizers on: no, <nil>"
        in (await refused_later(plugin.validate(asked))).message
    )
    able = OwnerReferencesPermissionEnforcement(Rights("update pods/finalizers"), [PODS])
    await able.validate(asked)
    unknown = OwnerReferencesPermissionEnforcement(Rights(), [])
    assert (
        'no matches for kind "Pod" in version "v1"'
        in (await refused_later(unknown.validate(asked))).message
    )


def test_a_pod_does_not_grow_beyond_its_node():
    node = {"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "1", "memory": "1Gi"}}}
    big = pod({"resources": {"requests": {"cpu": "2", "memory": "1Gi"}}}, nodeName="n")
    big["metadata"]["generation"] = 2
    asked = write(PODS, big, pod(), subresource="resize", lookup=Objects((NODES, node)))
    refused = refusal(PodResizeValidator().validate, asked)
    assert refused.message == (
        'pods "p" is forbidden: node didn\'t have enough allocatable resources: '
        "cpu, requested: 2000, allocatable: 1000"
    )
    assert refused.details["causes"] == [{"reason": "NodeCapacity"}]
    big["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "1"
    PodResizeValidator().validate(asked)


def sized(cpu, generation, **init):
    """A Pod on a node, whose Pod and whose init container have that much."""
    resources = {"requests": {"cpu": cpu}}
    init = {"name": "i", "resources": resources, **init}
    made = pod(nodeName="n", resources=resources, initContainers=[init])
    made["metadata"]["generation"] = generation
    return made


FEATURES = "InPlacePodLevelResourcesVerticalScaling", "InPlacePodVerticalScalingInitContainers"


@pytest.mark.parametrize(
    ("declared", "init", "missing"),
    [
        ([], {}, ", ".join(FEATURES)),
        (FEATURES[:1], {}, FEATURES[1]),
        (FEATURES, {}, ""),
        ([], {"restartPolicy": "Always"}, FEATURES[0]),
    ],
)
def test_a_pod_is_resized_where_its_node_declares_that_it_can(declared, init, missing):
    node = {"metadata": {"name": "n"}, "status": {"declaredFeatures": list(declared)}}
    plugin = NodeDeclaredFeatureValidator()
    asked = write(PODS, sized("2", 2, **init), sized("1", 1, **init), subresource="resize")
    assert 'node "n" not found' in refusal(plugin.validate, asked).message
    asked.lookup = Objects((NODES, node))
    if missing:
        assert refusal(plugin.validate, asked).message == (
            f'pods "p" is forbidden: pod update requires features {missing} which are not '
            'available on node "n"'
        )
    else:
        plugin.validate(asked)


def test_what_a_node_declares_does_not_matter_while_a_pod_stays_as_large():
    plugin = NodeDeclaredFeatureValidator()
    plugin.validate(write(PODS, sized("1000m", 2), sized("1", 1), subresource="resize"))
    plugin.validate(write(PODS, sized("2", 1), sized("1", 1)))


POD_SECURITY = {
    "apiVersion": "pod-security.admission.config.k8s.io/v1",
    "kind": "PodSecurityConfiguration",
    "defaults": {"enforce": "baseline"},
    "exemptions": {"usernames": ["root"], "runtimeClasses": ["vm"]},
}


def test_defaults_of_pod_security_hold_where_namespaces_say_nothing():
    plugin = PodSecurity(*settings.pod_security(POD_SECURITY))
    bad = {"securityContext": {"privileged": True}}
    refused = refusal(plugin.validate, write(PODS, pod(bad)))
    assert 'violates PodSecurity "baseline:latest": privileged' in refused.message
    plugin.validate(write(PODS, pod(bad), user="root"))
    plugin.validate(write(PODS, pod(bad, runtimeClassName="vm")))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"enable": ("Nope",)}, 'enable-admission-plugins plugin "Nope" is unknown'),
        ({"disable": ("Nope",)}, 'disable-admission-plugins plugin "Nope" is unknown'),
        (
            {"enable": ("LimitRanger",), "disable": ("LimitRanger",)},
            "[LimitRanger] in enable-admission-plugins and disable-admission-plugins overlapped",
        ),
        ({"enable": ("ImagePolicyWebhook",)}, "admission plugin ImagePolicyWebhook is not built"),
        (
            {"configuration": {"ImagePolicyWebhook": {}}},
            "settings of admission plugin ImagePolicyWebhook are not supported",
        ),
        (
            {"enable": ("EventRateLimit",)},
            "EventRateLimit: limits: Invalid value: null: must not be empty",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(given, why):
    with pytest.raises(ValueError, match=r".") as refused:
        options.check(AdmissionOptions(**given))
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("PodSecurity", {"kind": "Nope"}),
        ("PodSecurity", {**POD_SECURITY, "defaults": {"enforce": "nope"}}),
        ("PodSecurity", {**POD_SECURITY, "defaults": {"enforced": "baseline"}}),
        ("PodNodeSelector", {"podNodeSelectorPluginConfig": {"ns": "a"}}),
        ("EventRateLimit", {"kind": "Configuration"}),
    ],
)
def test_settings_of_plugins_are_read_at_the_start(name, given):
    with pytest.raises(ValueError, match=f'couldn\'t init admission plugin "{name}": '):
        settings.check({name: given})


def test_plugins_are_turned_on_and_off():
    chosen = AdmissionOptions(enable=("AlwaysPullImages",), disable=("LimitRanger",)).enabled()
    assert "AlwaysPullImages" in chosen
    assert "LimitRanger" not in chosen
    assert "ImagePolicyWebhook" not in chosen
