"""Priorities and groups of pods."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object, condition
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    Column,
    Printer,
    age,
    dig,
    integer,
    name_of,
)


def _priority_class(obj: Object, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        obj.get("value", 0),
        bool(obj.get("globalDefault")),
        age(obj, now),
        obj.get("preemptionPolicy") or "",
    ]


PRIORITY_CLASS = Printer(
    (
        NAME,
        integer("Value"),
        Column("Global-Default", "boolean"),
        AGE,
        Column("PreemptionPolicy"),
    ),
    _priority_class,
)


def _group_status(obj: Object) -> str:
    target = condition(obj, "DisruptionTarget")
    if target is not None:
        return str(target.get("reason", ""))
    scheduled = condition(obj, "PodGroupScheduled")
    if scheduled is None:
        return "Pending"
    return "Scheduled" if scheduled.get("status") == "True" else "Unschedulable"


def _pod_group(obj: Object, now: datetime) -> list[Any]:
    gang = dig(obj, "spec", "schedulingPolicy", "gang") is not None
    return [
        name_of(obj),
        "Gang" if gang else "Basic",
        dig(obj, "spec", "podGroupTemplateRef", "workload", "workloadName", default=NONE),
        _group_status(obj),
        age(obj, now),
    ]


POD_GROUP = Printer(
    (
        NAME,
        Column("Policy"),
        Column("Workload", description="Name of the referenced Workload object"),
        Column("Status", description="Status of the PodGroup"),
        AGE,
    ),
    _pod_group,
)
