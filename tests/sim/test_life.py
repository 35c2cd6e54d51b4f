from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pinnace.api.objects import Object, condition
from pinnace.sim.life import Place, Step, next_step
from pinnace.sim.rules import RULES, Rule, rule_for

NOW = datetime(2030, 1, 1, tzinfo=UTC)
PLACE = Place("198.18.0.1", ("10.244.0.2",))
RUNS = Rule(name="runs")


def pod(*, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    meta: Object = {"name": "p", "namespace": "default", "uid": "u1", "generation": 1}
    if annotations:
        meta["annotations"] = {
            f"pinnace.dev/sim-{name}": text for name, text in annotations.items()
        }
    containers = spec.pop("containers", [{"name": "c", "image": "nginx"}])
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastTransitionTime": "2029-12-31T23:00:00Z",
    }
    return {
        "metadata": meta,
        "spec": {"nodeName": "n", "containers": containers, "restartPolicy": "Always", **spec},
        "status": {"phase": "Pending", "qosClass": "BestEffort", "conditions": [scheduled]},
    }


class Played:
    """A pod whose steps are taken; conditions merge by type as the API server merges them."""

    def __init__(self, obj: Object, rule: Rule | None = None) -> None:
        self.pod, self.rule, self.now = obj, rule, NOW

    def step(self, seconds: float = 0.0) -> Step:
        self.now += timedelta(seconds=seconds)
        rule = self.rule or rule_for(self.pod, RULES)
        step = next_step(self.pod, rule, self.now, PLACE)
        if step.status is not None:
            old = self.pod["status"]
            by_type = {each["type"]: each for each in old["conditions"]}
            for each in step.status["conditions"]:
                both = {**by_type.get(each["type"], {}), **each}
                by_type[each["type"]] = {k: v for k, v in both.items() if v is not None}
            self.pod = {
                **self.pod,
                "status": {**old, **step.status, "conditions": list(by_type.values())},
            }
        return step

    @property
    def status(self) -> Object:
        return dict(self.pod["status"])

    @property
    def container(self) -> Object:
        return dict(self.status["containerStatuses"][0])


def test_a_pod_runs_with_one_patch() -> None:
    played = Played(pod())
    step = played.step()
    assert step.again is None
    assert played.status["phase"] == "Running"
    assert played.status["startTime"] == "2030-01-01T00:00:00Z"
    assert played.status["podIPs"] == [{"ip": "10.244.0.2"}]
    assert played.status["hostIP"] == "198.18.0.1"
    assert played.status["observedGeneration"] == 1
    assert {each["type"]: each["status"] for each in played.status["conditions"]} == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }
    assert played.container["state"] == {"running": {"startedAt": "2030-01-01T00:00:00Z"}}
    assert (played.container["ready"], played.container["started"]) == (True, True)
    assert played.container["containerID"].startswith("simulated://")
    assert played.step(60) == Step()


def test_a_transition_time_is_kept_while_the_condition_stays() -> None:
    played = Played(pod())
    played.step()
    scheduled = condition(played.pod, "PodScheduled")
    assert scheduled is not None
    assert scheduled["lastTransitionTime"] == "2029-12-31T23:00:00Z"


def test_a_slow_start_is_shown_first() -> None:
    played = Played(pod(annotations={"start-seconds": "5"}))
    assert played.step().again == 5.0
    assert played.status["phase"] == "Pending"
    assert played.container["state"] == {"waiting": {"reason": "ContainerCreating"}}
    ready = condition(played.pod, "Ready") or {}
    assert ready["reason"] == "ContainersNotReady"
    assert ready["message"] == "containers with unready status: [c]"
    assert played.step(2).again == 3.0
    played.step(3)
    assert played.status["phase"] == "Running"
    assert "message" not in (condition(played.pod, "Ready") or {})


def test_init_containers_have_ended_and_sidecars_run() -> None:
    inits = [
        {"name": "setup", "image": "i"},
        {"name": "side", "image": "s", "restartPolicy": "Always"},
    ]
    played = Played(pod(initContainers=inits))
    played.step()
    setup, side = played.status["initContainerStatuses"]
    assert setup["state"]["terminated"]["reason"] == "Completed"
    assert (setup["ready"], setup["started"]) == (True, False)
    assert "running" in side["state"]


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("Never", "0", "Succeeded"), ("OnFailure", "0", "Succeeded"), ("Never", "3", "Failed")],
)
def test_a_pod_ends_as_its_policy_says(policy: str, code: str, phase: str) -> None:
    noted = {"run-seconds": "10", "exit-code": code}
    played = Played(pod(annotations=noted, restartPolicy=policy))
    assert played.step().again == 10.0
    played.step(10)
    assert played.status["phase"] == phase
    ended = played.container["state"]["terminated"]
    assert ended["exitCode"] == int(code)
    assert (ended["startedAt"], ended["finishedAt"]) == (
        "2030-01-01T00:00:00Z",
        "2030-01-01T00:00:10Z",
    )
    assert (condition(played.pod, "Ready") or {})[
        "reason"
    ] == f"Pod{'Failed' if code != '0' else 'Completed'}"
    assert played.step(100) == Step()


def test_pods_of_jobs_end_by_themselves() -> None:
    of_job = pod(restartPolicy="Never")
    of_job["metadata"]["ownerReferences"] = [{"kind": "Job", "name": "j", "controller": True}]
    played = Played(of_job)
    assert played.step().again == 1.0
    played.step(1)
    assert played.status["phase"] == "Succeeded"


def test_a_failing_container_backs_off_longer_each_time() -> None:
    played = Played(pod(annotations={"exit-code": "1", "run-seconds": "1"}))
    played.step()
    played.step(1)
    assert (played.container["restartCount"], played.status["phase"]) == (1, "Running")
    assert played.step(1).again == 10.0
    waiting = played.container["state"]["waiting"]
    assert waiting == {
        "reason": "CrashLoopBackOff",
        "message": "back-off 10s restarting failed container=c pod=p_default(u1)",
    }
    assert (condition(played.pod, "Ready") or {})["status"] == "False"
    assert played.step(4).again == 6.0
    played.step(6)
    assert played.container["restartCount"] == 2
    assert played.container["lastState"]["terminated"]["exitCode"] == 1
    assert played.step(1).again == 20.0


def test_a_pod_that_must_fail_never_starts() -> None:
    played = Played(pod(annotations={"fail": "ErrImagePull"}))
    assert played.step().again is None
    assert played.status["phase"] == "Pending"
    assert played.container["state"]["waiting"]["reason"] == "ErrImagePull"
    assert played.step(1000) == Step()


def test_readiness_gates_hold_readiness_back() -> None:
    played = Played(pod(readinessGates=[{"conditionType": "example.com/up"}]))
    played.step()
    ready = condition(played.pod, "Ready") or {}
    assert ready["reason"] == "ReadinessGatesNotReady"
    assert (condition(played.pod, "ContainersReady") or {})["status"] == "True"


def deleted(obj: Object, grace: int) -> Object:
    gone = (NOW + timedelta(seconds=grace)).strftime("%Y-%m-%dT%H:%M:%SZ")
    obj["metadata"] |= {"deletionTimestamp": gone, "deletionGracePeriodSeconds": grace}
    return obj


def test_a_deleted_pod_goes_at_once_or_when_it_has_stopped() -> None:
    assert next_step(deleted(pod(), 30), RUNS, NOW, PLACE) == Step(delete=True)
    slow = Played(deleted(pod(annotations={"stop-seconds": "4"}), 30))
    assert slow.step().again == 4.0
    assert slow.step(4) == Step(delete=True)


def test_a_deleted_pod_that_ran_is_unready_before_it_goes() -> None:
    played = Played(pod())
    played.step()
    deleted(played.pod, 30)
    assert played.step().delete
    assert played.container["state"]["terminated"]["exitCode"] == 143
    assert (condition(played.pod, "Ready") or {})["status"] == "False"


def test_a_deleted_pod_that_somebody_holds_shows_how_it_ended() -> None:
    played = Played(pod())
    played.step()
    held = deleted(played.pod, 30)
    held["metadata"]["finalizers"] = ["batch.kubernetes.io/job-tracking"]
    assert played.step().delete
    assert played.status["phase"] == "Failed"
    assert played.container["state"]["terminated"]["exitCode"] == 143
    held["metadata"]["deletionGracePeriodSeconds"] = 0
    assert played.step() == Step()


def test_a_changed_generation_is_acknowledged() -> None:
    played = Played(pod())
    played.step()
    played.pod["metadata"]["generation"] = 2
    played.step(5)
    assert played.status["observedGeneration"] == 2
    assert played.container["state"] == {"running": {"startedAt": "2030-01-01T00:00:00Z"}}
