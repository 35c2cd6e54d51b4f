from tests.controllers.fake_cluster import running

from pinnace.api.kinds.core import CONFIGMAPS, NODES, SECRETS
from pinnace.controllers.garbage_collector import GARBAGE_COLLECTOR


def owned(name, *owners, block=False, namespace="n"):
    refs = [
        {
            "apiVersion": "v1",
            "kind": owner.get("kind", "ConfigMap"),
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    return {"metadata": {"name": name, "namespace": namespace, "ownerReferences": refs}}


def names(it, row=CONFIGMAPS):
    return sorted(obj["metadata"]["name"] for obj in it.cluster.all(row))


async def make(it, name, *owners, row=CONFIGMAPS, **options):
    return await it.cluster.create(row, owned(name, *owners, **options))


async def test_dependents_of_a_deleted_owner_go_all_the_way_down():
    async with running(GARBAGE_COLLECTOR) as it:
        top = await make(it, "top")
        middle = await make(it, "middle", top)
        await make(it, "bottom", middle, row=SECRETS)
        await make(it, "other")
        await it.settle()
        await it.cluster.delete(CONFIGMAPS, "top", namespace="n")
        await it.settle()
        assert names(it) == ["other"]
        assert names(it, SECRETS) == []


async def test_an_object_with_a_second_owner_stays_and_loses_the_first():
    async with running(GARBAGE_COLLECTOR) as it:
        one, two = await make(it, "one"), await make(it, "two")
        await make(it, "both", one, two)
        await it.settle()
        await it.cluster.delete(CONFIGMAPS, "one", namespace="n")
        await it.settle()
        assert names(it) == ["both", "two"]
        both = await it.cluster.get(CONFIGMAPS, "both", namespace="n")
        assert [ref["name"] for ref in both["metadata"]["ownerReferences"]] == ["two"]


async def test_foreground_deletion_waits_for_those_that_block():
    async with running(GARBAGE_COLLECTOR) as it:
        top = await make(it, "top")
        child = await make(it, "child", top, block=True)
        child["metadata"]["finalizers"] = ["example.com/hold"]
        await it.cluster.update(CONFIGMAPS, child)
        await it.settle()
        await it.cluster.delete(CONFIGMAPS, "top", namespace="n", propagation="Foreground")
        await it.settle()
        assert names(it) == ["child", "top"]
        child = await it.cluster.get(CONFIGMAPS, "child", namespace="n")
        assert "deletionTimestamp" in child["metadata"]
        child["metadata"]["finalizers"].remove("example.com/hold")
        await it.cluster.update(CONFIGMAPS, child)
        await it.settle()
        assert names(it) == []


async def test_orphaning_lets_the_dependents_go_free():
    async with running(GARBAGE_COLLECTOR) as it:
        top = await make(it, "top")
        await make(it, "child", top)
        await it.settle()
        await it.cluster.delete(CONFIGMAPS, "top", namespace="n", propagation="Orphan")
        await it.settle()
        assert names(it) == ["child"]
        child = await it.cluster.get(CONFIGMAPS, "child", namespace="n")
        assert child["metadata"]["ownerReferences"] == []


async def test_an_owner_that_never_was_takes_its_dependents_along():
    async with running(GARBAGE_COLLECTOR) as it:
        ghost = {"metadata": {"name": "ghost", "uid": "nobody"}}
        await make(it, "child", ghost)
        await it.settle()
        assert names(it) == []


async def test_an_owner_of_the_same_name_but_another_uid_is_another():
    async with running(GARBAGE_COLLECTOR) as it:
        top = await make(it, "top")
        stale = {"metadata": {"name": "top", "uid": "before"}}
        await make(it, "child", stale)
        await it.settle()
        assert names(it) == ["top"]
        assert top["metadata"]["uid"] != "before"


async def test_an_owner_in_another_namespace_is_no_owner():
    async with running(GARBAGE_COLLECTOR) as it:
        top = await make(it, "top")
        await make(it, "elsewhere", top, namespace="m")
        await it.settle()
        assert names(it) == ["top"]


async def test_a_cluster_wide_object_may_own_one_in_a_namespace_but_not_the_other_way_round():
    async with running(GARBAGE_COLLECTOR) as it:
        node = await it.cluster.create(NODES, {"metadata": {"name": "node"}, "spec": {}})
        top = await make(it, "top")
        await make(it, "child", node)
        wide = owned("wide", top)
        del wide["metadata"]["namespace"]
        await it.cluster.create(NODES, {**wide, "spec": {}})
        await it.settle()
        await it.cluster.delete(CONFIGMAPS, "top", namespace="n")
        await it.settle()
        assert names(it) == ["child"]
        assert names(it, NODES) == ["node", "wide"]
        await it.cluster.delete(NODES, "node")
        await it.settle()
        assert names(it) == []


async def test_owners_in_a_circle_go_together():
    async with running(GARBAGE_COLLECTOR) as it:
        one = await make(it, "one")
        two = await make(it, "two", one, block=True)
        one["metadata"]["ownerReferences"] = owned("one", two, block=True)["metadata"][
            "ownerReferences"
        ]
        await it.cluster.update(CONFIGMAPS, one)
        await it.settle()
        await it.cluster.delete(CONFIGMAPS, "one", namespace="n", propagation="Foreground")
        await it.settle(5)
        assert names(it) == []


async def test_dependents_orphaned_before_the_collector_starts_are_found():
    stale = {"metadata": {"name": "gone", "uid": "gone"}}
    async with running(GARBAGE_COLLECTOR, setup=[(CONFIGMAPS, owned("child", stale))]) as it:
        await it.settle()
        assert names(it) == []
