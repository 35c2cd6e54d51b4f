"""Namespaces and the small objects in them: configuration, secrets, accounts, quotas."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    Column,
    Printer,
    age,
    dig,
    name_of,
    quantity_text,
)


def _named(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), age(obj, now)]


NAME_AND_AGE = Printer((NAME, AGE), _named)


def _namespace(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), dig(obj, "status", "phase", default=""), age(obj, now)]


NAMESPACE = Printer(
    (NAME, Column("Status", description="The status of the namespace"), AGE), _namespace
)


def _config_map(obj: Object, now: datetime) -> list[Any]:
    count = len(obj.get("data") or ()) + len(obj.get("binaryData") or ())
    return [name_of(obj), count, age(obj, now)]


CONFIG_MAP = Printer((NAME, Column("Data"), AGE), _config_map)


def _secret(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), obj.get("type", ""), len(obj.get("data") or ()), age(obj, now)]


SECRET = Printer((NAME, Column("Type"), Column("Data"), AGE), _secret)


def _resource_quota(obj: Object, now: datetime) -> list[Any]:
    hard = dig(obj, "status", "hard", default={})
    used = dig(obj, "status", "used", default={})
    requests: list[str] = []
    limits: list[str] = []
    for resource in sorted(hard):
        text = f"{resource}: {quantity_text(used.get(resource))}/{quantity_text(hard[resource])}"
        (limits if resource.startswith("limits.") else requests).append(text)
    return [name_of(obj), ", ".join(requests), ", ".join(limits), age(obj, now)]


RESOURCE_QUOTA = Printer(
    (
        NAME,
        Column(
            "Request",
            description="Request represents a minimum amount of cpu/memory that a container may"
            " consume.",
        ),
        Column(
            "Limit",
            description="Limits control the maximum amount of cpu/memory that a container may use"
            " independent of contention on the node.",
        ),
        AGE,
    ),
    _resource_quota,
)


def _component_status(obj: Object, now: datetime) -> list[Any]:
    for entry in obj.get("conditions") or ():
        if entry.get("type") == "Healthy":
            word = "Healthy" if entry.get("status") == "True" else "Unhealthy"
            return [name_of(obj), word, entry.get("message", ""), entry.get("error", "")]
    return [name_of(obj), "Unknown", "", ""]


COMPONENT_STATUS = Printer(
    (
        NAME,
        Column("Status", description="Status of the component conditions"),
        Column("Message", description="Message of the component conditions"),
        Column("Error", description="Error of the component conditions"),
    ),
    _component_status,
)
