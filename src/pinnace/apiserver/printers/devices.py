"""Devices that pods claim: slices, claims, taints."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    NONE,
    Column,
    Printer,
    age,
    deleting,
    dig,
    integer,
    name_of,
    since,
)


def _text(obj: Object, *path: str) -> str:
    return str(dig(obj, *path, default=""))


def _pool(obj: Object, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        _text(obj, "spec", "nodeName"),
        _text(obj, "spec", "driver"),
        _text(obj, "spec", "pool", "name"),
        age(obj, now),
    ]


RESOURCE_SLICE = Printer((NAME, Column("Node"), Column("Driver"), Column("Pool"), AGE), _pool)


def _resource_claim(obj: Object, now: datetime) -> list[Any]:
    states = ["deleted"] if deleting(obj) else []
    if dig(obj, "status", "allocation"):
        states.append("allocated")
        states += ["reserved"] if dig(obj, "status", "reservedFor") else []
    elif not states:
        states.append("pending")
    return [name_of(obj), ",".join(states), age(obj, now)]


RESOURCE_CLAIM = Printer(
    (
        NAME,
        Column(
            "State",
            description="A summary of the current state (allocated, pending, reserved, etc.).",
        ),
        AGE,
    ),
    _resource_claim,
)


def _device_taint(obj: Object, now: datetime) -> list[Any]:
    taint = dig(obj, "spec", "taint", default={})
    added = taint.get("timeAdded")
    moment = since(added, now) if added else ""
    words = [taint.get(key, "") for key in ("key", "value", "effect")]
    return [name_of(obj), *words, moment, age(obj, now)]


DEVICE_TAINT_RULE = Printer(
    (NAME, Column("Key"), Column("Value"), Column("Effect"), Column("TimeAdded"), AGE),
    _device_taint,
)

_COUNTS = ("totalDevices", "availableDevices", "allocatedDevices", "unavailableDevices")


def _pool_status(obj: Object, now: datetime) -> list[Any]:
    status = obj.get("status")
    counts, errors, word, completed, pools = ["-"] * 4, "-", "Pending", NONE, 0
    if status is not None:
        word, completed = _pool_word(status, now)
        found = status.get("pools") or ()
        pools = status.get("poolCount") or 0
        if word != "Failed":
            counts = [str(sum(pool.get(key) or 0 for pool in found)) for key in _COUNTS]
            errors = str(sum(pool.get("validationError") is not None for pool in found))
        if word == "Complete" and pools > len(found):
            word = f"Complete ({len(found)}/{pools} pools)"
    driver = _text(obj, "spec", "driver")
    return [name_of(obj), driver, *counts, errors, pools, word, completed]


def _pool_word(status: Object, now: datetime) -> tuple[str, str]:
    for entry in status.get("conditions") or ():
        if entry.get("status") == "True" and entry["type"] in ("Complete", "Failed"):
            when = since(entry.get("lastTransitionTime"), now)
            return entry["type"], when if entry["type"] == "Complete" else NONE
    return "Pending", NONE


RESOURCE_POOL_STATUS_REQUEST = Printer(
    (
        NAME,
        Column("Driver", description="The driver to query pools for."),
        Column("Total", description="Total number of devices across all pools."),
        Column("Available", description="Number of available devices across all pools."),
        Column("Allocated", description="Number of allocated devices across all pools."),
        Column("Unavailable", description="Number of unavailable devices across all pools."),
        Column("Errors", description="Number of pools with validation errors."),
        integer("Pools"),
        Column("Status", description="Processing status."),
        Column("Completed", description="Time since the observation completed."),
    ),
    _pool_status,
)
