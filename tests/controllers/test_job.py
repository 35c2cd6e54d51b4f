import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.kinds.batch import JOBS
from pinnace.api.kinds.core import EVENTS, PODS
from pinnace.controllers.job import JOB
from pinnace.controllers.shared import indexes
from pinnace.controllers.shared.jobs import FINALIZER, Failures, judge
from pinnace.controllers.ttl_after_finished import TTL_AFTER_FINISHED


def job(**spec):
    template = {
        "metadata": {"labels": {"job-name": "j"}},
        "spec": {"containers": [{"name": "c", "image": "i"}], "restartPolicy": "Never"},
    }
    return {
        "metadata": {"name": "j", "namespace": "n"},
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 6,
            "selector": {"matchLabels": {"job-name": "j"}},
            "template": template,
            **spec,
        },
    }


async def get(it):
    return await it.cluster.get(JOBS, "j", namespace="n")


def pending(it):
    return [pod for pod in it.cluster.all(PODS) if pod["status"]["phase"] == "Pending"]


async def end(it, phase, pods=None, *, code=1):
    for pod in pods if pods is not None else pending(it):
        ended = {"exitCode": code if phase == "Failed" else 0}
        statuses = [{"name": "c", "state": {"terminated": ended}}]
        await it.cluster.set_status(PODS, pod, phase=phase, containerStatuses=statuses)
    await it.settle()


def kinds(found):
    return [c["type"] for c in found["status"].get("conditions", ()) if c["status"] == "True"]


async def test_runs_as_many_at_once_as_allowed_until_enough_have_succeeded():
    async with running(JOB, setup=[(JOBS, job(parallelism=2, completions=3))]) as it:
        await it.settle()
        assert len(pending(it)) == 2
        assert FINALIZER in pending(it)[0]["metadata"]["finalizers"]
        await end(it, "Succeeded")
        assert len(pending(it)) == 1
        await end(it, "Succeeded")
        found = await get(it)
        status = found["status"]
        assert kinds(found) == ["SuccessCriteriaMet", "Complete"]
        assert status["succeeded"] == 3
        assert status["completionTime"] == "2030-01-01T00:00:00Z"
        assert not status.get("uncountedTerminatedPods")
        assert all(not pod["metadata"].get("finalizers") for pod in it.cluster.all(PODS))
        assert "Job completed" in [e["message"] for e in it.cluster.all(EVENTS)]


async def test_failed_pods_are_replaced_after_a_growing_wait_until_the_limit():
    async with running(JOB, setup=[(JOBS, job(backoffLimit=1))]) as it:
        await it.settle()
        await end(it, "Failed")
        assert pending(it) == []
        assert (await get(it))["status"]["failed"] == 1
        await it.settle(11)
        assert len(pending(it)) == 1
        await end(it, "Failed")
        found = await get(it)
        assert kinds(found) == ["FailureTarget", "Failed"]
        assert found["status"]["conditions"][-1]["reason"] == "BackoffLimitExceeded"
        assert found["status"]["failed"] == 2


async def test_each_index_runs_once_and_knows_its_number():
    spec = job(completionMode="Indexed", completions=4, parallelism=2)
    async with running(JOB, setup=[(JOBS, spec)]) as it:
        await it.settle()
        names = sorted(pod["spec"]["hostname"] for pod in pending(it))
        assert names == ["j-0", "j-1"]
        container = pending(it)[0]["spec"]["containers"][0]
        assert container["env"][0]["name"] == "JOB_COMPLETION_INDEX"
        await end(it, "Succeeded")
        assert (await get(it))["status"]["completedIndexes"] == "0,1"
        await end(it, "Succeeded")
        found = await get(it)
        assert found["status"]["completedIndexes"] == "0-3"
        assert found["status"]["succeeded"] == 4
        assert "Complete" in kinds(found)


async def test_each_index_has_its_own_limit():
    spec = job(
        completionMode="Indexed",
        completions=2,
        parallelism=2,
        backoffLimit=100,
        backoffLimitPerIndex=1,
    )
    async with running(JOB, setup=[(JOBS, spec)]) as it:
        await it.settle()
        first = [pod for pod in pending(it) if pod["spec"]["hostname"] == "j-0"]
        await end(it, "Failed", first)
        await it.settle(11)
        again = [pod for pod in pending(it) if pod["spec"]["hostname"] == "j-0"]
        assert (
            again[0]["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"]
            == "1"
        )
        await end(it, "Failed", again)
        assert (await get(it))["status"]["failedIndexes"] == "0"
        await end(it, "Succeeded")
        found = await get(it)
        assert kinds(found) == ["FailureTarget", "Failed"]
        assert found["status"]["conditions"][-1]["reason"] == "FailedIndexes"


async def test_a_job_past_its_deadline_fails_and_its_pods_go():
    async with running(JOB, setup=[(JOBS, job(activeDeadlineSeconds=30))]) as it:
        await it.settle(31)
        found = await get(it)
        assert kinds(found) == ["FailureTarget", "Failed"]
        assert found["status"]["conditions"][-1]["message"] == (
            "Job was active longer than specified deadline"
        )
        assert it.cluster.all(PODS) == []


async def test_a_suspended_job_has_no_pods_until_it_is_resumed():
    async with running(JOB, setup=[(JOBS, job())]) as it:
        await it.settle()
        found = await get(it)
        found["spec"]["suspend"] = True
        await it.cluster.update(JOBS, found)
        await it.settle()
        assert it.cluster.all(PODS) == []
        found = await get(it)
        assert kinds(found) == ["Suspended"]
        assert "startTime" not in found["status"]
        found["spec"]["suspend"] = False
        await it.cluster.update(JOBS, found)
        await it.settle()
        assert len(pending(it)) == 1
        assert kinds(await get(it)) == []


async def test_a_policy_may_fail_the_job_at_once():
    rule = {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}
    async with running(JOB, setup=[(JOBS, job(podFailurePolicy={"rules": [rule]}))]) as it:
        await it.settle()
        await end(it, "Failed", code=42)
        found = await get(it)
        assert kinds(found) == ["FailureTarget", "Failed"]
        name = it.cluster.all(PODS)[0]["metadata"]["name"]
        assert found["status"]["conditions"][-1]["message"] == (
            f"Container c for pod n/{name} failed with exit code 42 "
            "matching FailJob rule at index 0"
        )


async def test_pods_of_a_job_that_is_gone_are_let_go():
    async with running(JOB, setup=[(JOBS, job())]) as it:
        await it.settle()
        await it.cluster.delete(JOBS, "j", namespace="n")
        await it.settle()
        assert all(not pod["metadata"]["finalizers"] for pod in it.cluster.all(PODS))


async def test_a_finished_job_is_deleted_after_its_time_to_live():
    spec = job(ttlSecondsAfterFinished=60)
    async with running(JOB, TTL_AFTER_FINISHED, setup=[(JOBS, spec)]) as it:
        await it.settle()
        await end(it, "Succeeded")
        await it.settle(59)
        assert "deletionTimestamp" not in (await get(it))["metadata"]
        await it.settle(2)
        assert "deletionTimestamp" in (await get(it))["metadata"]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [(set(), ""), ({1}, "1"), ({1, 2}, "1,2"), ({1, 2, 3}, "1-3"), ({0, 2, 3, 4, 9}, "0,2-4,9")],
)
def test_indexes_are_written_as_ranges(numbers, text):
    assert indexes.text(numbers) == text
    assert indexes.parse(text, 10) == numbers


def test_indexes_beyond_the_completions_are_not_read():
    assert indexes.parse("0-9,x,3-y", 3) == {0, 1, 2}


def pod(created, **status):
    meta = {"name": "p", "namespace": "n", "creationTimestamp": created}
    return {"metadata": meta, "status": status}


def test_a_success_forgives_earlier_failures():
    early, late = pod("2030-01-01T00:00:00Z"), pod("2030-01-01T00:01:00Z")
    assert Failures(5).after([late], [early]).count == 0
    assert Failures(5).after([early], [late]).count == 1
    assert Failures(5).after([], [late]).count == 6


def test_the_first_matching_rule_of_a_policy_counts():
    target = [{"type": "DisruptionTarget", "status": "True"}]
    rules = [
        {"action": "Ignore", "onPodConditions": target},
        {"action": "FailJob", "onExitCodes": {"operator": "NotIn", "values": [0]}},
    ]
    states = [{"name": "c", "state": {"terminated": {"exitCode": 3}}}]
    both = pod("2030-01-01T00:00:00Z", conditions=target, containerStatuses=states)
    assert judge({"rules": rules}, both).counts is False
    only = pod("2030-01-01T00:00:00Z", containerStatuses=states)
    assert judge({"rules": rules}, only).action == "FailJob"
    assert judge({"rules": rules}, pod("2030-01-01T00:00:00Z")).counts is True
