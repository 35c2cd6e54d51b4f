"""What changes the API itself: webhooks, policies, API services, storage versions."""

from datetime import datetime
from typing import Any

from pinnace.api.objects import Object, condition
from pinnace.apiserver.printers.base import (
    AGE,
    NAME,
    UNSET,
    Column,
    Printer,
    age,
    clipped,
    dig,
    name_of,
)


def _webhooks(obj: Object, now: datetime) -> list[Any]:
    return [name_of(obj), len(obj.get("webhooks") or ()), age(obj, now)]


WEBHOOKS = Printer(
    (
        NAME,
        Column(
            "Webhooks",
            "integer",
            description="Webhooks indicates the number of webhooks registered in this"
            " configuration",
        ),
        AGE,
    ),
    _webhooks,
)


def _param_kind(obj: Object) -> str:
    kind = dig(obj, "spec", "paramKind")
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else UNSET


def _validating(obj: Object, now: datetime) -> list[Any]:
    rules = dig(obj, "spec", "validations", default=())
    return [name_of(obj), len(rules), _param_kind(obj), age(obj, now)]


def _mutating(obj: Object, now: datetime) -> list[Any]:
    rules = dig(obj, "spec", "mutations", default=())
    return [name_of(obj), len(rules), _param_kind(obj), age(obj, now)]


_PARAM_KIND = Column(
    "ParamKind",
    description="ParamKind specifies the kind of resources used to parameterize this policy",
)
VALIDATING_POLICY = Printer(
    (
        NAME,
        Column(
            "Validations",
            "integer",
            description="Validations indicates the number of validation rules defined in this"
            " configuration",
        ),
        _PARAM_KIND,
        AGE,
    ),
    _validating,
)
MUTATING_POLICY = Printer(
    (
        NAME,
        Column(
            "Mutations",
            "integer",
            description="Mutation indicates the number of mutations rules defined in this"
            " configuration",
        ),
        _PARAM_KIND,
        AGE,
    ),
    _mutating,
)


def _param_ref(obj: Object) -> str:
    ref = dig(obj, "spec", "paramRef")
    if not ref:
        return UNSET
    if ref.get("name"):
        return f"{ref.get('namespace') or '*'}/{ref['name']}"
    return _go_text(ref["selector"]) if ref.get("selector") is not None else UNSET


def _go_text(selector: Object) -> str:
    """Return a label selector as Go prints the struct, which is what upstream shows here."""
    labels = sorted((selector.get("matchLabels") or {}).items())
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{entry.get('key', '')},"
        f"Operator:{entry.get('operator', '')},"
        f"Values:[{' '.join(entry.get('values') or ())}],}},"
        for entry in selector.get("matchExpressions") or ()
    )
    pairs = "".join(f"{key}: {value}," for key, value in labels)
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{pairs}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def _policy_binding(obj: Object, now: datetime) -> list[Any]:
    policy = dig(obj, "spec", "policyName", default="")
    return [name_of(obj), policy, _param_ref(obj), age(obj, now)]


POLICY_BINDING = Printer(
    (
        NAME,
        Column(
            "PolicyName",
            description="PolicyName indicates the policy definition which the policy binding"
            " binded to",
        ),
        Column(
            "ParamRef",
            description="ParamRef indicates the param resource which sets the configuration param",
        ),
        AGE,
    ),
    _policy_binding,
)


def _api_service(obj: Object, now: datetime) -> list[Any]:
    service = dig(obj, "spec", "service")
    where = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    available = condition(obj, "Available") or {"status": "Unknown"}
    word = str(available.get("status", ""))
    if word != "True" and available.get("reason"):
        word += f" ({available['reason']})"
    return [name_of(obj), where, word, age(obj, now)]


API_SERVICE = Printer(
    (
        NAME,
        Column(
            "Service",
            description="The reference to the service that hosts this API endpoint.",
        ),
        Column("Available", description="Whether this service is available."),
        AGE,
    ),
    _api_service,
)


def _storage_version(obj: Object, now: datetime) -> list[Any]:
    servers = (
        f"{entry.get('apiServerID', '')}={entry.get('encodingVersion', '')}"
        for entry in dig(obj, "status", "storageVersions", default=())
    )
    return [
        name_of(obj),
        dig(obj, "status", "commonEncodingVersion", default=UNSET),
        clipped(servers, 3, empty=UNSET),
        age(obj, now),
    ]


STORAGE_VERSION = Printer(
    (NAME, Column("CommonEncodingVersion"), Column("StorageVersions"), AGE), _storage_version
)


def _migration(obj: Object, now: datetime) -> list[Any]:
    resource = dig(obj, "spec", "resource", default={})
    group, plural = resource.get("group", ""), resource.get("resource", "")
    word = "Unknown"
    for entry in dig(obj, "status", "conditions", default=()):
        if entry.get("status") == "True" and entry["type"] in ("Running", "Failed", "Succeeded"):
            word = entry["type"]
    return [name_of(obj), f"{plural}.{group}" if group else plural, word]


STORAGE_VERSION_MIGRATION = Printer(
    (
        Column("Name"),
        Column("Resource", description="GroupResource to migrate"),
        Column("Status", description="Status of the migration"),
    ),
    _migration,
)
