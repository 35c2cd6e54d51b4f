from tests.controllers.fake_cluster import running

from pinnace.api.kinds.admissionregistration import VALIDATINGADMISSIONPOLICIES as POLICIES
from pinnace.controllers.validatingadmissionpolicy_status import VALIDATINGADMISSIONPOLICY_STATUS


def policy(expression, *resources, generation=1, groups=("apps",), **status):
    rule = {"apiGroups": list(groups), "apiVersions": ["v1"], "resources": list(resources)}
    return {
        "metadata": {"name": "p", "generation": generation},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression}],
        },
        "status": status,
    }


async def status_of(given):
    async with running(VALIDATINGADMISSIONPOLICY_STATUS, setup=[(POLICIES, given)]) as it:
        for _ in range(200):
            found = it.cluster.all(POLICIES)[0]["status"]
            if found != given["status"]:
                return found
            await it.settle()
        return found


async def test_a_policy_that_fits_is_said_to_be_checked():
    found = await status_of(policy("object.spec.replicas > 1", "deployments"))
    assert found == {"observedGeneration": 1, "typeChecking": {}}


async def test_what_does_not_fit_is_told_for_all_kinds():
    found = await status_of(policy("object.spec.replicas == 'x'", "statefulsets", "deployments"))
    [warning] = found["typeChecking"]["expressionWarnings"]
    assert [line for line in warning["warning"].splitlines() if "Kind=" in line] == [
        f"apps/v1, Kind={kind}: ERROR: <input>:1:22: found no matching overload for '_==_' "
        "applied to '(int, string)'"
        for kind in ("Deployment", "StatefulSet")
    ]


async def test_a_generation_is_checked_once():
    given = policy("object.spec.replicas == 'x'", "deployments", observedGeneration=1)
    async with running(VALIDATINGADMISSIONPOLICY_STATUS, setup=[(POLICIES, given)]) as it:
        await it.settle()
        assert ("patch", "validatingadmissionpolicies") not in it.cluster.calls


async def test_a_resource_that_nobody_serves_is_passed_over():
    found = await status_of(policy("object.x == 1", "nones", groups=("none.dev",)))
    assert found == {"observedGeneration": 1, "typeChecking": {}}
