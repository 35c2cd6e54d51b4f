"""Which versions are served, by what users ask for."""

import pytest

from pinnace.api.kinds.table import RESOURCES
from pinnace.apiserver.enablement import unserved


def versions(*runtime_config, gates=()):
    off = unserved(RESOURCES, runtime_config, gates)
    rows = [row for row in RESOURCES if (row.group, row.version, row.plural) not in off]
    return {row.group_version for row in rows}


def test_only_stable_versions_are_served_by_default():
    found = versions()
    assert {"v1", "apps/v1", "resource.k8s.io/v1", "autoscaling/v2"} <= found
    assert not [name for name in found if "alpha" in name or "beta" in name]


def test_all_versions_come_when_asked_for_but_those_behind_gates():
    found = versions("api/all=true")
    assert {"resource.k8s.io/v1beta1", "coordination.k8s.io/v1alpha2"} <= found
    gated = {"certificates.k8s.io/v1beta1", "scheduling.k8s.io/v1alpha2"}
    assert not gated & found
    assert gated <= versions("api/all=true", gates=("AllAlpha=true", "AllBeta=true"))
    both = ("ClusterTrustBundle=true", "AllAlpha=false")
    assert gated & versions("api/all", gates=both) == {"certificates.k8s.io/v1beta1"}


def test_the_general_counts_before_the_special_in_whatever_order():
    found = versions("resource.k8s.io/v1beta1=false", "api/beta=true", "apps/v1=false", "api/v1=0")
    assert "networking.k8s.io/v1beta1" in found
    assert not {"resource.k8s.io/v1beta1", "apps/v1", "v1"} & found


def test_single_resources_can_be_told():
    off = unserved(RESOURCES, ("apps/v1/deployments=false",), ())
    assert ("apps", "v1", "deployments") in off
    assert ("apps", "v1", "daemonsets") not in off


@pytest.mark.parametrize(
    ("runtime_config", "gates", "why"),
    [
        (["api/all=false"], [], "invalid runtime-config with only api/all=false"),
        (["api/all=perhaps"], [], "invalid value api/all=perhaps"),
        (["apps"], [], "runtime-config invalid key apps"),
        (["nope.k8s.io/v1"], [], "unknown api groups nope.k8s.io/v1"),
        (["apps/v9=true"], [], "group version apps/v9 that has not been registered"),
        (
            ["apps/v1=perhaps"],
            [],
            "invalid value of apps/v1: perhaps, err: strconv.ParseBool: "
            'parsing "perhaps": invalid syntax',
        ),
        ([], ["NoSuchGate=true"], "feature gate NoSuchGate is not supported"),
    ],
)
def test_what_nobody_serves_is_refused(runtime_config, gates, why):
    with pytest.raises(ValueError, match=r".") as refused:
        unserved(RESOURCES, runtime_config, gates)
    assert str(refused.value) == why
