"""What makes pods: deployments, sets, jobs and their templates."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object, controller_of, parse_time
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    UNSET,
    Column,
    Printer,
    age,
    containers_text,
    deleting,
    dig,
    human_duration,
    integer,
    labels_text,
    name_of,
    selector_text,
    since,
    wide,
)

_CONTAINERS = (
    Column("Containers", priority=1, description="Names of each container in the template."),
    Column(
        "Images",
        priority=1,
        description="Images referenced by each container in the template.",
    ),
)


def _number(obj: Object, *path: str) -> int:
    return int(dig(obj, *path, default=0))


def _containers(obj: Object, *path: str) -> list[str]:
    return containers_text(dig(obj, *path, "template", "spec", "containers"))


def _deployment(obj: Object, now: datetime) -> list[Any]:
    ready, desired = _number(obj, "status", "readyReplicas"), _number(obj, "spec", "replicas")
    return [
        name_of(obj),
        f"{ready}/{desired}",
        _number(obj, "status", "updatedReplicas"),
        _number(obj, "status", "availableReplicas"),
        age(obj, now),
        *_containers(obj, "spec"),
        selector_text(dig(obj, "spec", "selector"), empty="", invalid="<invalid>"),
    ]


DEPLOYMENT = Printer(
    (
        NAME,
        Column("Ready", description="Number of the pod with ready state"),
        Column("Up-to-date"),
        Column("Available"),
        AGE,
        *_CONTAINERS,
        wide("Selector"),
    ),
    _deployment,
)


def _replicas(obj: Object, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        _number(obj, "spec", "replicas"),
        _number(obj, "status", "replicas"),
        _number(obj, "status", "readyReplicas"),
        age(obj, now),
        *_containers(obj, "spec"),
    ]


def _replica_set(obj: Object, now: datetime) -> list[Any]:
    return [*_replicas(obj, now), selector_text(dig(obj, "spec", "selector"))]


def _replication_controller(obj: Object, now: datetime) -> list[Any]:
    return [*_replicas(obj, now), labels_text(dig(obj, "spec", "selector"))]


_REPLICAS = (
    NAME,
    integer("Desired"),
    integer("Current"),
    integer("Ready"),
    AGE,
    *_CONTAINERS,
    wide("Selector"),
)
REPLICA_SET = Printer(_REPLICAS, _replica_set)
REPLICATION_CONTROLLER = Printer(_REPLICAS, _replication_controller)


def _stateful_set(obj: Object, now: datetime) -> list[Any]:
    ready, desired = _number(obj, "status", "readyReplicas"), _number(obj, "spec", "replicas")
    return [name_of(obj), f"{ready}/{desired}", age(obj, now), *_containers(obj, "spec")]


STATEFUL_SET = Printer(
    (NAME, Column("Ready", description="Number of the pod with ready state"), AGE, *_CONTAINERS),
    _stateful_set,
)


def _daemon_set(obj: Object, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        _number(obj, "status", "desiredNumberScheduled"),
        _number(obj, "status", "currentNumberScheduled"),
        _number(obj, "status", "numberReady"),
        _number(obj, "status", "updatedNumberScheduled"),
        _number(obj, "status", "numberAvailable"),
        labels_text(dig(obj, "spec", "template", "spec", "nodeSelector")),
        age(obj, now),
        *_containers(obj, "spec"),
        selector_text(dig(obj, "spec", "selector")),
    ]


DAEMON_SET = Printer(
    (
        NAME,
        integer("Desired"),
        integer("Current"),
        integer("Ready"),
        integer("Up-to-date"),
        integer("Available"),
        Column("Node Selector"),
        AGE,
        *_CONTAINERS,
        wide("Selector"),
    ),
    _daemon_set,
)


def _completions(obj: Object) -> str:
    done = _number(obj, "status", "succeeded")
    wanted = dig(obj, "spec", "completions")
    if wanted is not None:
        return f"{done}/{wanted}"
    parallelism = _number(obj, "spec", "parallelism")
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _duration(obj: Object, now: datetime) -> str:
    started, ended = dig(obj, "status", "startTime"), dig(obj, "status", "completionTime")
    if not started:
        return ""
    end = parse_time(ended) if ended else now
    return human_duration((end - parse_time(started)).total_seconds())


def _job_status(obj: Object) -> str:
    true = {
        entry["type"]
        for entry in dig(obj, "status", "conditions", default=())
        if entry.get("status") == "True"
    }
    for kind in ("Complete", "Failed"):
        if kind in true:
            return kind
    if deleting(obj):
        return "Terminating"
    for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if kind in true:
            return kind
    return "Running"


def _job(obj: Object, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        _job_status(obj),
        _completions(obj),
        _duration(obj, now),
        age(obj, now),
        *_containers(obj, "spec"),
        selector_text(dig(obj, "spec", "selector")),
    ]


JOB = Printer(
    (
        NAME,
        Column("Status", description="Status of the job."),
        Column("Completions"),
        Column("Duration", description="Time required to complete the job."),
        AGE,
        *_CONTAINERS,
        wide("Selector"),
    ),
    _job,
)


def _cron_job(obj: Object, now: datetime) -> list[Any]:
    last, suspend = dig(obj, "status", "lastScheduleTime"), dig(obj, "spec", "suspend")
    return [
        name_of(obj),
        dig(obj, "spec", "schedule", default=""),
        dig(obj, "spec", "timeZone", default=NONE),
        UNSET if suspend is None else str(bool(suspend)),
        len(dig(obj, "status", "active", default=())),
        since(last, now) if last else NONE,
        age(obj, now),
        *_containers(obj, "spec", "jobTemplate", "spec"),
        selector_text(dig(obj, "spec", "jobTemplate", "spec", "selector")),
    ]


CRON_JOB = Printer(
    (
        NAME,
        Column("Schedule"),
        Column("Timezone"),
        Column("Suspend", "boolean"),
        integer("Active"),
        Column("Last Schedule"),
        AGE,
        *_CONTAINERS,
        wide("Selector"),
    ),
    _cron_job,
)


def _pod_template(obj: Object, now: datetime) -> list[Any]:
    labels = labels_text(dig(obj, "template", "metadata", "labels"))
    return [name_of(obj), *_containers(obj), labels]


POD_TEMPLATE = Printer(
    (
        NAME,
        Column("Containers", description="Names of each container in the template."),
        Column("Images", description="Images referenced by each container in the template."),
        Column("Pod Labels", description="The labels for the pod template."),
    ),
    _pod_template,
)


def _controller_revision(obj: Object, now: datetime) -> list[Any]:
    owner = controller_of(obj)
    text = NONE
    if owner:
        group = owner.get("apiVersion", "").rpartition("/")[0]
        kind = owner["kind"].lower()
        text = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return [name_of(obj), text, obj.get("revision", 0), age(obj, now)]


CONTROLLER_REVISION = Printer(
    (
        NAME,
        Column("Controller", description="Controller of the object"),
        Column("Revision"),
        AGE,
    ),
    _controller_revision,
)


def _budget(obj: Object, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        str(dig(obj, "spec", "minAvailable", default="N/A")),
        str(dig(obj, "spec", "maxUnavailable", default="N/A")),
        _number(obj, "status", "disruptionsAllowed"),
        age(obj, now),
    ]


POD_DISRUPTION_BUDGET = Printer(
    (
        NAME,
        Column("Min Available", description="The minimum number of pods that must be available."),
        Column(
            "Max Unavailable", description="The maximum number of pods that may be unavailable."
        ),
        Column(
            "Allowed Disruptions",
            "integer",
            description="Calculated number of pods that may be disrupted at this time.",
        ),
        AGE,
    ),
    _budget,
)
