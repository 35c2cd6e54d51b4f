import pytest

from pinnace.api.errors import Forbidden, Invalid
from pinnace.api.kinds.apps import DEPLOYMENTS
from pinnace.api.kinds.core import NAMESPACES, PODS
from pinnace.api.wire import User
from pinnace.apiserver.admission.base import Attributes, Chain
from pinnace.apiserver.admission.pod_security import PodSecurity
from pinnace.apiserver.admission.pod_security_checks import violations
from pinnace.testing.lookups import DictLookup

SAFE = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(context=None, **spec):
    container = {"name": "c", "image": "i"} | ({"securityContext": context} if context else {})
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


def test_a_plain_pod_is_baseline_and_not_restricted():
    assert violations(pod(), "baseline", 36) == ""
    assert violations(pod(), "restricted", 36) == (
        'allowPrivilegeEscalation != false (container "c" must set'
        " securityContext.allowPrivilegeEscalation=false),"
        ' unrestricted capabilities (container "c" must set'
        ' securityContext.capabilities.drop=["ALL"]),'
        ' runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true),'
        ' seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to'
        ' "RuntimeDefault" or "Localhost")'
    )
    assert violations(pod(SAFE), "restricted", 36) == ""


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (pod({"privileged": True}), 'privileged (container "c" must not set'),
        (pod(hostNetwork=True, hostPID=True), "host namespaces (hostNetwork=true, hostPID=true)"),
        (
            pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
            'hostPath volumes (volume "v")',
        ),
        (
            pod({"capabilities": {"add": ["SYS_ADMIN"]}}),
            'non-default capabilities (container "c" must not include "SYS_ADMIN" in',
        ),
        (pod({"procMount": "Unmasked"}), 'securityContext.procMount to "Unmasked"'),
        (
            pod({"seccompProfile": {"type": "Unconfined"}}),
            'seccompProfile (container "c" must not set securityContext.seccompProfile.type to'
            ' "Unconfined")',
        ),
        (
            pod(securityContext={"sysctls": [{"name": "kernel.msgmax"}]}),
            "forbidden sysctls (kernel.msgmax)",
        ),
        (
            pod(securityContext={"seLinuxOptions": {"user": "u", "type": "spc_t"}}),
            'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user'
            " may not be set)",
        ),
        (
            pod(securityContext={"appArmorProfile": {"type": "Unconfined"}}),
            'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
        ),
    ],
)
def test_baseline_refuses_what_opens_the_host(made, says):
    assert says in violations(made, "baseline", 36)


def test_a_version_pins_the_rules():
    made = pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]})
    assert violations(made, "baseline", 31) == "forbidden sysctls (net.ipv4.tcp_rmem)"
    assert violations(made, "baseline", 32) == ""


def test_own_user_namespaces_relax_the_rules_on_users():
    made = pod({**SAFE, "runAsNonRoot": False, "runAsUser": 0}, hostUsers=False)
    assert violations(made, "restricted", 36) == ""
    assert "runAsUser=0" in violations(made, "restricted", 34)


def labels(**modes):
    return {f"pod-security.kubernetes.io/{k.replace('_', '-')}": v for k, v in modes.items()}


async def admit(row, obj, namespace_labels, *, old=None, operation="CREATE", pods=()):
    namespace = {"metadata": {"name": "ns", "labels": namespace_labels}}
    attributes = Attributes(
        row=row, operation=operation, obj=obj, old=old, user=User("jane"), namespace="ns",
        lookup=DictLookup({NAMESPACES: [namespace], PODS: pods}),
    )  # fmt: skip
    await Chain((PodSecurity(),)).validate(attributes)
    return attributes.warnings


async def test_enforcing_refuses_with_the_level_and_version():
    with pytest.raises(Forbidden) as refused:
        await admit(PODS, pod(hostPID=True), labels(enforce="baseline", enforce_version="v1.30"))
    assert refused.value.message == (
        'pods "p" is forbidden: violates PodSecurity "baseline:v1.30": host namespaces'
        " (hostPID=true)"
    )


async def test_without_labels_everything_is_allowed():
    assert await admit(PODS, pod(hostPID=True), {}) == []


async def test_warning_warns_also_of_templates():
    modes = labels(warn="baseline")
    expected = ['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)']
    assert await admit(PODS, pod(hostPID=True), modes) == expected
    template = {"metadata": {"name": "d"}, "spec": {"template": pod(hostPID=True)}}
    assert await admit(DEPLOYMENTS, template, modes) == expected
    assert await admit(DEPLOYMENTS, template, labels(enforce="baseline")) == expected


async def test_an_update_that_adds_nothing_is_allowed():
    made = pod(hostPID=True)
    await admit(PODS, made, labels(enforce="baseline"), old=made, operation="UPDATE")


async def test_a_wrong_label_is_invalid():
    namespace = {"metadata": {"name": "ns", "labels": labels(enforce="none", warn_version="1")}}
    with pytest.raises(Invalid) as refused:
        await admit(NAMESPACES, namespace, {})
    assert refused.value.message == (
        'Namespace "ns" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid'
        ' value: "none": must be one of privileged, baseline, restricted,'
        " metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value:"
        ' "1": must be "latest" or "v1.x"]'
    )


async def test_a_stricter_level_warns_of_the_pods_that_are_there():
    new = {"metadata": {"name": "ns", "labels": labels(enforce="baseline")}}
    old = {"metadata": {"name": "ns"}}
    there = [pod(hostPID=True), pod(hostPID=True), pod()]
    for name, made in zip("bac", there, strict=True):
        made["metadata"] |= {"name": name, "namespace": "ns"}
    warnings = await admit(NAMESPACES, new, {}, old=old, operation="UPDATE", pods=there)
    assert warnings == [
        'existing pods in namespace "ns" violate the new PodSecurity enforce level'
        ' "baseline:latest"',
        "a (and 1 other pod): host namespaces",
    ]
