import pytest
from tests.controllers.fake_cluster import running

from pinnace.api.kinds.batch import CRONJOBS, JOBS
from pinnace.api.kinds.core import EVENTS
from pinnace.api.objects import parse_time
from pinnace.controllers.cronjob import CRONJOB
from pinnace.controllers.shared import cron
from pinnace.controllers.shared.starts import missed


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
    found = missed(owner("2030-01-01T00:30:00Z", **spec), now, cron.parse("0 * * * *"))
    assert found.last == (parse_time(expected) if expected else None)


@pytest.mark.parametrize(("created", "many"), [("09:00", False), ("01:00", True)])
def test_more_than_a_hundred_missed_times_are_told(created, many):
    now = parse_time("2030-01-01T10:00:30Z")
    late = owner(f"2030-01-01T{created}:00Z")
    found = missed(late, now, cron.parse("*/5 * * * *"))
    assert (found.last, found.many) == (parse_time("2030-01-01T10:00:00Z"), many)


def reasons(it):
    return {e["reason"]: e["message"] for e in it.cluster.all(EVENTS)}


async def change(it, **spec):
    found = await get(it)
    found["spec"] |= spec
    await it.cluster.update(CRONJOBS, found)
    await it.settle()


async def test_a_new_schedule_starts_nothing_for_times_that_it_did_not_have():
    async with running(CRONJOB, setup=[(CRONJOBS, cronjob("0 * * * *"))]) as it:
        await it.settle(3601)
        assert len(it.cluster.all(JOBS)) == 1
        await it.settle(1000)
        await change(it, schedule="*/5 * * * *")
        assert len(it.cluster.all(JOBS)) == 1
        await it.settle(300)
        assert len(it.cluster.all(JOBS)) == 2


async def test_what_could_not_start_in_time_is_missed():
    found = cronjob(concurrencyPolicy="Forbid", startingDeadlineSeconds=60)
    async with running(CRONJOB, setup=[(CRONJOBS, found)]) as it:
        await it.settle(301)
        await it.settle(300)
        assert "JobAlreadyActive" in reasons(it)
        await it.settle(200)
        await finish(it)
        # 10:10 is 200 seconds past, and its deadline was 60.
        assert len(it.cluster.all(JOBS)) == 1
        await it.settle(100)
        assert len(it.cluster.all(JOBS)) == 2


async def test_times_are_those_of_the_zone():
    found = cronjob("30 5 * * *", timeZone="Asia/Kolkata")
    async with running(CRONJOB, setup=[(CRONJOBS, found)]) as it:
        await it.settle(86401)
        (job,) = it.cluster.all(JOBS)
        assert job["metadata"]["annotations"] == {
            "batch.kubernetes.io/cronjob-scheduled-timestamp": "2030-01-02T05:30:00+05:30"
        }


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        (
            {"timeZone": "Nowhere/At"},
            "UnknownTimeZone",
            'invalid timeZone: "Nowhere/At": unknown time zone Nowhere/At',
        ),
        (
            {"schedule": "* * *"},
            "UnparseableSchedule",
            'unparseable schedule: "* * *" : expected exactly 5 fields, found 3: [* * *]',
        ),
        (
            {"schedule": "0 0 30 2 *"},
            "InvalidSchedule",
            "invalid schedule: 0 0 30 2 * : "
            "time difference between two schedules is less than 1 second",
        ),
    ],
)
async def test_a_schedule_that_cannot_be_followed_is_told(spec, reason, message):
    found = cronjob(**{"schedule": "*/5 * * * *", **spec})
    async with running(CRONJOB, setup=[(CRONJOBS, found)]) as it:
        assert reasons(it)[reason] == message


async def test_a_job_that_is_gone_is_taken_off_the_list():
    async with running(CRONJOB, setup=[(CRONJOBS, cronjob())]) as it:
        await it.settle(301)
        (job,) = it.cluster.all(JOBS)
        name = job["metadata"]["name"]
        await it.cluster.delete(JOBS, name, namespace="n")
        await it.settle()
        assert not (await get(it))["status"].get("active")
        assert reasons(it)["MissingJob"] == f"Active job went missing: {name}"


async def test_a_job_it_did_not_start_is_told():
    async with running(CRONJOB, setup=[(CRONJOBS, cronjob())]) as it:
        mine = (await get(it))["metadata"]
        ref = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "c", "uid": mine["uid"]}
        meta = {"name": "j", "namespace": "n", "ownerReferences": [{**ref, "controller": True}]}
        await it.cluster.create(JOBS, {"metadata": meta, "spec": {}})
        await it.settle()
        text = "Saw a job that the controller did not create or forgot: j"
        assert reasons(it)["UnexpectedJob"] == text
