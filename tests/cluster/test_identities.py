"""Nobody but the administrator is in system:masters, and controllers have upstream's accounts."""

from pinnace.api.kinds.authorization import SUBJECTACCESSREVIEWS
from pinnace.api.kinds.core import REPLICATIONCONTROLLERS
from pinnace.api.kinds.rbac import CLUSTERROLES, ROLES
from pinnace.api.objects import Object
from pinnace.cluster import pki
from pinnace.cluster.embedded import Cluster
from pinnace.controllers.base import MANAGER
from pinnace.controllers.table import CONTROLLERS


def test_only_the_administrator_is_in_masters() -> None:
    named = pki.IDENTITIES.items()
    assert [name for name, who in named if "system:masters" in who.organizations] == ["admin"]


async def test_every_controller_has_an_account_that_upstream_gives_rights() -> None:
    async with Cluster(nodes=0) as cluster:
        answers = [await cluster.client.list(row) for row in (CLUSTERROLES, ROLES)]
    names = {item["metadata"]["name"] for answer in answers for item in answer["items"]}
    accounts = {one.account or one.name for one in CONTROLLERS} - {MANAGER}
    assert {f"system:controller:{name}" for name in accounts} <= names


async def test_the_controller_manager_itself_may_not_touch_workloads() -> None:
    async with Cluster(nodes=0) as cluster:
        asked: Object = {
            "spec": {
                "user": "system:kube-controller-manager",
                "groups": ["system:authenticated"],
                "resourceAttributes": {
                    "verb": "create",
                    "resource": REPLICATIONCONTROLLERS.plural,
                    "namespace": "default",
                },
            }
        }
        answer = await cluster.client.create(SUBJECTACCESSREVIEWS, asked)
    assert answer["status"] == {"allowed": False}
