from datetime import UTC, datetime, timedelta

import pytest

from pinnace.node.labels import container_hash
from pinnace.node.observed import Known, SeenContainer, SeenSandbox, pod_runtime
from pinnace.node.restarts import Backoff, lengthened
from pinnace.node.state import (
    BackOff,
    CreateSandbox,
    KillContainer,
    KillPod,
    StartContainer,
    decide,
    past_deadline,
)
from pinnace.testing.kubelet_stage import make_container, make_pod

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def sandbox(*, ready=True, attempt=0, ips=("10.0.0.5",), age=100):
    return SeenSandbox(
        id=f"s{attempt}",
        attempt=attempt,
        ready=ready,
        created_at=NOW - timedelta(seconds=age),
        ips=ips if ready else (),
    )


def container(name="main", state="running", *, code=0, attempt=0, ended=0.0, spec=None):
    spec = spec or make_container(name)
    return SeenContainer(
        id=f"{name}-{attempt}",
        name=name,
        sandbox_id="s0",
        state=state,
        created_at=NOW - timedelta(seconds=50 - attempt),
        started_at=NOW - timedelta(seconds=50 - attempt),
        finished_at=NOW - timedelta(seconds=ended) if state == "exited" else None,
        exit_code=code,
        restart_count=attempt,
        hash=container_hash(spec),
    )


def asked(pod, sandboxes=(), containers=(), **known):
    return decide(pod, pod_runtime(list(sandboxes), list(containers)), Known(**known), NOW)


def brief(plan):
    said = []
    for action in plan.actions:
        match action:
            case StartContainer(one, count, _):
                said.append(f"start {one.name} {count}")
            case KillContainer(seen, _, _):
                said.append(f"kill {seen.name}")
            case CreateSandbox(attempt, _):
                said.append(f"sandbox {attempt}")
            case KillPod():
                said.append("kill pod")
            case BackOff(one, _):
                said.append(f"back off {one.name}")
    return said


INIT = [make_container("one"), make_container("two")]
SIDE = [make_container("side", restartPolicy="Always"), make_container("two")]
ENDED = "exited"

CASES = {
    "nothing seen: a sandbox": (make_pod(), [], [], ["sandbox 0"]),
    "sandbox ready: the container": (make_pod(), [sandbox()], [], ["start main 0"]),
    "running: nothing": (make_pod(), [sandbox()], [container()], []),
    "lost sandbox: a new one": (
        make_pod(),
        [sandbox(ready=False)],
        [container(state=ENDED, code=137)],
        ["kill pod", "sandbox 1"],
    ),
    "lost sandbox of a pod that never restarts: nothing": (
        make_pod(restartPolicy="Never"),
        [sandbox(ready=False)],
        [container(state=ENDED, code=137)],
        [],
    ),
    "sandbox without address: a new one": (
        make_pod(),
        [sandbox(ips=())],
        [],
        ["kill pod", "sandbox 1"],
    ),
    "ended, Always: again": (
        make_pod(),
        [sandbox()],
        [container(state=ENDED)],
        ["start main 1"],
    ),
    "ended well, OnFailure: the pod is done": (
        make_pod(restartPolicy="OnFailure"),
        [sandbox()],
        [container(state=ENDED)],
        ["kill pod"],
    ),
    "ended badly, OnFailure: again": (
        make_pod(restartPolicy="OnFailure"),
        [sandbox()],
        [container(state=ENDED, code=1)],
        ["start main 1"],
    ),
    "init: the first": (make_pod(initContainers=INIT), [sandbox()], [], ["start one 0"]),
    "init: the second": (
        make_pod(initContainers=INIT),
        [sandbox()],
        [container("one", ENDED)],
        ["start two 0"],
    ),
    "init forgotten but the last is known": (
        make_pod(initContainers=INIT),
        [sandbox()],
        [container("two", ENDED)],
        ["start main 0"],
    ),
    "init failed, Never: the pod is dead": (
        make_pod(initContainers=INIT, restartPolicy="Never"),
        [sandbox()],
        [container("one", ENDED, code=1)],
        ["kill pod"],
    ),
    "init failed, Always: again": (
        make_pod(initContainers=INIT),
        [sandbox()],
        [container("one", ENDED, code=1)],
        ["start one 1"],
    ),
    "sidecar runs: the next init": (
        make_pod(initContainers=SIDE),
        [sandbox()],
        [container("side")],
        ["start two 0"],
    ),
    "sidecar died later: again": (
        make_pod(initContainers=SIDE),
        [sandbox()],
        [container("side", ENDED), container("two", ENDED), container()],
        ["start side 1"],
    ),
    "only the sidecar is left of a job: all ends": (
        make_pod(initContainers=SIDE[:1], restartPolicy="Never"),
        [sandbox()],
        [container("side"), container(state=ENDED)],
        ["kill pod"],
    ),
    "another image: replaced": (
        make_pod(containers=[make_container(image="nginx:2")]),
        [sandbox()],
        [container()],
        ["kill main"],
    ),
    "its own policy outranks the pod's": (
        make_pod(restartPolicy="Never", containers=[make_container(restartPolicy="Always")]),
        [sandbox()],
        [container(state=ENDED)],
        ["start main 1"],
    ),
    "an ephemeral container is started once": (
        make_pod(ephemeralContainers=[make_container("debug")]),
        [sandbox()],
        [container()],
        ["start debug 0"],
    ),
    "a deleted pod gets nothing new": (
        make_pod() | {"metadata": {**make_pod()["metadata"], "deletionTimestamp": "x"}},
        [],
        [],
        [],
    ),
}


@pytest.mark.parametrize(("pod", "sandboxes", "containers", "wanted"), CASES.values(), ids=CASES)
def test_decides(pod, sandboxes, containers, wanted):
    assert brief(asked(pod, sandboxes, containers)) == wanted


def test_a_restart_rule_brings_back_what_the_policy_would_leave():
    rule = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
    spec = make_container(restartPolicy="Never", restartPolicyRules=[rule])
    pod = make_pod(containers=[spec], restartPolicy="Never")
    assert brief(asked(pod, [sandbox()], [container(state=ENDED, code=42)])) == ["start main 1"]
    assert brief(asked(pod, [sandbox()], [container(state=ENDED, code=1)])) == ["kill pod"]


def test_waits_for_the_back_off_and_says_when_to_ask_again():
    known = {"backoffs": {"main": Backoff(20.0, NOW - timedelta(seconds=60))}}
    plan = asked(make_pod(), [sandbox()], [container(state=ENDED, code=1, ended=5)], **known)
    assert brief(plan) == ["back off main"]
    assert plan.wake_in == 15.0
    action = plan.actions[0]
    assert isinstance(action, BackOff)
    assert action.message == (
        "back-off 20s restarting failed container=main pod=web_default(uid-web)"
    )


def test_failed_liveness_kills_and_the_restart_comes_when_it_is_gone():
    probes = {("main-0", "liveness"): False}
    plan = asked(make_pod(), [sandbox()], [container()], probes=probes)
    assert brief(plan) == ["kill main"]
    action = plan.actions[0]
    assert isinstance(action, KillContainer)
    assert action.message == "Container main failed liveness probe, will be restarted"
    assert action.reason == "liveness"


def test_a_sidecar_with_a_startup_probe_holds_the_next_container_back():
    init = [make_container("side", restartPolicy="Always", startupProbe={"exec": {}})]
    pod = make_pod(initContainers=init)
    seen = [container("side", spec=init[0])]
    assert brief(asked(pod, [sandbox()], seen)) == []
    probes = {("side-0", "startup"): True}
    assert brief(asked(pod, [sandbox()], seen, probes=probes)) == ["start main 0"]


def test_delays_double_up_to_five_minutes_and_start_anew_after_ten_good_ones():
    backoff = None
    delays = []
    for _ in range(7):
        backoff = lengthened(backoff, event=NOW, now=NOW)
        delays.append(backoff.delay)
    assert delays == [10, 20, 40, 80, 160, 300, 300]
    later = NOW + timedelta(seconds=601)
    assert lengthened(backoff, event=later, now=later).delay == 10
    assert backoff is not None
    assert backoff.remaining(later, later) == 0


def test_the_deadline_counts_from_the_start():
    pod = make_pod(activeDeadlineSeconds=60)
    assert past_deadline(pod, "2030-01-01T11:59:30Z", NOW) == 30
    assert past_deadline(make_pod(), "2030-01-01T11:59:30Z", NOW) is None
