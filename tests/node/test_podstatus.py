from datetime import UTC, datetime, timedelta

import pytest

from pinnace.node.observed import Failure, Known, SeenContainer, SeenSandbox, pod_runtime
from pinnace.node.podstatus import failed_status, pod_status, rejected_status
from pinnace.testing.kubelet_stage import make_container, make_pod

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def seen(*containers, ready=True):
    sandbox = SeenSandbox(id="s", attempt=0, ready=ready, created_at=NOW, ips=("10.0.0.5",))
    return pod_runtime([sandbox], list(containers))


def container(name="main", state="running", *, code=0, attempt=0, reason=""):
    ended = state == "exited"
    return SeenContainer(
        id=f"{name}{attempt}",
        name=name,
        sandbox_id="s",
        state=state,
        created_at=NOW + timedelta(seconds=attempt),
        started_at=NOW,
        finished_at=NOW if ended else None,
        exit_code=code,
        reason=reason or ("Completed" if ended and not code else "Error" if ended else ""),
        image="nginx:latest",
        image_ref="sha256:1",
        restart_count=attempt,
    )


def status(pod, runtime, **known):
    return pod_status(pod, runtime, Known(host_ips=("10.0.0.1",), **known), NOW)


def condition(found, kind):
    each = next(each for each in found["conditions"] if each["type"] == kind)
    return each["status"], each.get("reason"), each.get("message")


PHASES = {
    "nothing yet": (make_pod(), pod_runtime([], []), {}, "Pending"),
    "running": (make_pod(), seen(container()), {}, "Running"),
    "ended, restarting": (make_pod(), seen(container(state="exited")), {}, "Running"),
    "ended well for good": (
        make_pod(restartPolicy="Never"),
        seen(container(state="exited")),
        {},
        "Succeeded",
    ),
    "ended badly for good": (
        make_pod(restartPolicy="Never"),
        seen(container(state="exited", code=1)),
        {},
        "Failed",
    ),
    "ended badly, tried again": (
        make_pod(restartPolicy="OnFailure"),
        seen(container(state="exited", code=1)),
        {},
        "Running",
    ),
    "told to end, ended well": (
        make_pod(),
        seen(container(state="exited")),
        {"terminated": True},
        "Succeeded",
    ),
    "told to end before it began": (
        make_pod(),
        pod_runtime([], []),
        {"terminated": True},
        "Failed",
    ),
    "init failed for good": (
        make_pod(restartPolicy="Never", initContainers=[make_container("one")]),
        seen(container("one", "exited", code=1)),
        {},
        "Failed",
    ),
    "init running": (
        make_pod(initContainers=[make_container("one")]),
        seen(container("one")),
        {},
        "Pending",
    ),
    "one of two waits": (
        make_pod(containers=[make_container(), make_container("other")]),
        seen(container()),
        {},
        "Pending",
    ),
}


@pytest.mark.parametrize(("pod", "runtime", "known", "phase"), PHASES.values(), ids=PHASES)
def test_phase(pod, runtime, known, phase):
    assert status(pod, runtime, **known)["phase"] == phase


def test_says_which_containers_are_not_ready():
    found = status(make_pod(), pod_runtime([], []))
    assert condition(found, "Ready") == (
        "False",
        "ContainersNotReady",
        "containers with unready status: [main]",
    )
    assert condition(found, "PodReadyToStartContainers")[0] == "False"
    assert condition(found, "Initialized")[0] == "True"


def test_says_which_init_containers_are_not_done():
    pod = make_pod(initContainers=[make_container("one"), make_container("two")])
    found = status(pod, seen(container("one")))
    assert condition(found, "Initialized") == (
        "False",
        "ContainersNotInitialized",
        "containers with incomplete status: [one two]",
    )


def test_readiness_gates_are_waited_for():
    pod = make_pod(readinessGates=[{"conditionType": "x/y"}])
    found = status(pod, seen(container()))
    assert condition(found, "Ready") == (
        "False",
        "ReadinessGatesNotReady",
        'corresponding condition of pod readiness gate "x/y" does not exist.',
    )
    pod["status"]["conditions"] = [{"type": "x/y", "status": "True"}]
    found = status(pod, seen(container()))
    assert condition(found, "Ready")[0] == "True"
    assert condition(found, "x/y")[0] == "True"


def test_conditions_keep_the_moment_of_their_last_change():
    before = status(make_pod(), seen(container()))
    later = NOW + timedelta(hours=1)
    after = pod_status(make_pod(), seen(container()), Known(), later, old=before)
    assert after["conditions"] == before["conditions"]


@pytest.mark.parametrize("role", ["init", "app"])
def test_a_container_that_is_made_but_not_started_still_waits_for_the_same_reason(role):
    init = [{"name": "first", "image": "busybox"}]
    pod = make_pod(initContainers=init) if role == "init" else make_pod()
    name, reason = ("first", "PodInitializing") if role == "init" else ("main", "ContainerCreating")
    found = status(pod, seen(container(name, "created")))
    kind = "initContainerStatuses" if role == "init" else "containerStatuses"
    assert found[kind][0]["state"] == {"waiting": {"reason": reason}}


def test_a_crashing_container_waits_and_tells_how_it_ended():
    failure = Failure("CrashLoopBackOff", "back-off 10s")
    found = status(make_pod(), seen(container(state="exited", code=2)), failures={"main": failure})[
        "containerStatuses"
    ][0]
    assert found["state"] == {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    assert found["lastState"]["terminated"]["exitCode"] == 2
    assert found["ready"] is False
    assert found["started"] is False


def test_the_container_before_is_the_last_state():
    found = status(make_pod(), seen(container(state="exited", code=2), container(attempt=1)))[
        "containerStatuses"
    ][0]
    assert found["restartCount"] == 1
    assert found["lastState"]["terminated"]["exitCode"] == 2


def test_a_readiness_probe_that_has_not_answered_is_not_ready():
    pod = make_pod(containers=[make_container(readinessProbe={"exec": {}})])
    assert not status(pod, seen(container()))["containerStatuses"][0]["ready"]
    probes = {("main0", "readiness"): True}
    assert status(pod, seen(container()), probes=probes)["containerStatuses"][0]["ready"]


def test_a_ready_container_stays_ready_over_a_restart_of_the_kubelet():
    pod = make_pod(containers=[make_container(readinessProbe={"exec": {}})])
    probes = {("main0", "readiness"): True}
    before = status(pod, seen(container()), probes=probes)
    after = pod_status(pod, seen(container()), Known(), NOW, old=before)
    assert after["containerStatuses"][0]["ready"]


def test_a_terminal_phase_never_changes():
    pod = make_pod()
    pod["status"] = {"phase": "Failed", "reason": "Evicted", "message": "gone"}
    found = status(pod, seen(container()))
    assert (found["phase"], found["reason"], found["message"]) == ("Failed", "Evicted", "gone")


def test_addresses_stay_when_the_sandbox_is_gone():
    before = status(make_pod(), seen(container()))
    after = pod_status(make_pod(), seen(container(), ready=True), Known(), NOW, old=before)
    assert after["podIP"] == "10.0.0.5"
    assert after["podIPs"] == [{"ip": "10.0.0.5"}]
    assert before["hostIPs"] == [{"ip": "10.0.0.1"}]


def test_a_pod_on_the_hosts_network_has_the_hosts_address():
    assert status(make_pod(hostNetwork=True), pod_runtime([], []))["podIP"] == "10.0.0.1"


def test_a_deadline_fails_the_pod_and_says_so():
    found = failed_status(
        make_pod(),
        status(make_pod(), seen(container())),
        reason="DeadlineExceeded",
        message="too long",
        now=NOW,
    )
    assert (found["phase"], found["reason"], found["message"]) == (
        "Failed",
        "DeadlineExceeded",
        "too long",
    )
    assert condition(found, "Ready")[:2] == ("False", "PodFailed")


def test_a_refused_pod_says_why():
    found = rejected_status(make_pod(), reason="OutOfcpu", message="too much", now=NOW)
    assert (found["phase"], found["reason"]) == ("Failed", "OutOfcpu")
    assert found["message"] == "Pod was rejected: too much"
