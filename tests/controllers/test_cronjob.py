import pytest
from tests.controllers.fake_cluster import running

from pinnace.api import cron
from pinnace.api.kinds.batch import CRONJOBS, JOBS
from pinnace.api.kinds.core import EVENTS
from pinnace.api.objects import parse_time
from pinnace.controllers.cronjob import CRONJOB, due


def cronjob(schedule="*/5 * * * *", **spec):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"template": {"spec": {}}}}
    return {
        "metadata": {"name": "c", "namespace": "n"},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


async def finish(it, kind="Complete"):
    for job in it.cluster.all(JOBS):
        told = {"type": kind, "status": "True", "lastTransitionTime": "2030-01-01T00:00:00Z"}
        done = {"completionTime": "2030-01-01T00:05:01Z"} if kind == "Complete" else {}
        await it.cluster.set_status(JOBS, job, conditions=[told], **done)
    await it.settle()


async def get(it):
    return await it.cluster.get(CRONJOBS, "c", namespace="n")


async def test_a_job_starts_when_its_time_comes_and_is_followed():
    async with running(CRONJOB, setup=[(CRONJOBS, cronjob())]) as it:
        await it.settle(299)
        assert it.cluster.all(JOBS) == []
        await it.settle(2)
        (job,) = it.cluster.all(JOBS)
        assert job["metadata"]["name"] == f"c-{int(it.clock.now().timestamp()) // 60}"
        assert job["metadata"]["annotations"] == {
            "batch.kubernetes.io/cronjob-scheduled-timestamp": "2030-01-01T00:05:00Z"
        }
        found = await get(it)
        assert [ref["name"] for ref in found["status"]["active"]] == [job["metadata"]["name"]]
        assert found["status"]["lastScheduleTime"] == "2030-01-01T00:05:00Z"
        await finish(it)
        found = await get(it)
        assert not found["status"]["active"]
        assert found["status"]["lastSuccessfulTime"] == "2030-01-01T00:05:01Z"
        assert "SawCompletedJob" in [e["reason"] for e in it.cluster.all(EVENTS)]


@pytest.mark.parametrize(("policy", "jobs"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
async def test_what_happens_while_the_last_one_still_runs(policy, jobs):
    async with running(CRONJOB, setup=[(CRONJOBS, cronjob(concurrencyPolicy=policy))]) as it:
        await it.settle(301)
        first = it.cluster.all(JOBS)[0]["metadata"]["name"]
        await it.settle(300)
        names = [job["metadata"]["name"] for job in it.cluster.all(JOBS)]
        assert len(names) == jobs
        assert (first in names) == (policy != "Replace")


async def test_a_suspended_one_starts_nothing():
    async with running(CRONJOB, setup=[(CRONJOBS, cronjob(suspend=True))]) as it:
        await it.settle(1000)
        assert it.cluster.all(JOBS) == []


async def test_old_jobs_beyond_the_history_are_deleted():
    spec = cronjob(successfulJobsHistoryLimit=1)
    async with running(CRONJOB, setup=[(CRONJOBS, spec)]) as it:
        for _ in range(3):
            await it.settle(300)
            await it.settle(1)
            await finish(it)
        assert len(it.cluster.all(JOBS)) == 1


def owner(created, **spec):
    return {"metadata": {"creationTimestamp": created}, "spec": spec}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, "2030-01-01T10:00:00Z"),
        ({"startingDeadlineSeconds": 600}, "2030-01-01T10:00:00Z"),
        ({"startingDeadlineSeconds": 60}, None),
    ],
)
def test_only_the_last_of_many_missed_times_counts(spec, expected):
    now = parse_time("2030-01-01T10:05:00Z")
    found = due(owner("2030-01-01T00:30:00Z", **spec), cron.parse("0 * * * *"), now)
    assert found.at == (parse_time(expected) if expected else None)
