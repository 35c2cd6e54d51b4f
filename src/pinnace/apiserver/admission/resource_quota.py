"""ResourceQuota: what is made must fit into the namespace's quotas, and is charged at once.

The charge is a conditional write of the quota's status: whoever loses the race reads again. A
charge for something that is then not stored after all is taken back by the quota controller, which
counts anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pinnace.api import quotas
from pinnace.api.errors import ApiError, Conflict
from pinnace.api.kinds.core import RESOURCEQUOTAS
from pinnace.api.objects import Object
from pinnace.api.pod_resources import Amounts
from pinnace.api.quantity import parse
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation, Outcome

_IGNORED = ("events", "bindings", "localsubjectaccessreviews")
_ATTEMPTS = 10


class QuotaWriter(Protocol):
    """Writes what is used; the server's own door to its store."""

    async def charge(self, quota: Object, used: dict[str, str]) -> bool:
        """Set `status.used` of the quota as it was read; False if it has changed since."""
        ...


@dataclass(frozen=True, slots=True)
class Limited:
    """Resources that nobody may use where no quota covers them.

    `contains` are parts of names of what objects of a kind use; `scopes` select objects of any.
    """

    group: str
    plural: str
    contains: tuple[str, ...] = ()
    scopes: tuple[Object, ...] = ()


class ResourceQuota:
    """Keeps namespaces within their quotas."""

    name = "ResourceQuota"

    def __init__(self, writer: QuotaWriter, limited: Sequence[Limited] = ()) -> None:
        self._writer = writer
        self._limited = limited

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        if not row.namespaced or row.plural in _IGNORED:
            return False
        if operation == "CREATE":
            return not subresource
        if operation != "UPDATE" or row.group != "":
            return False
        if row.plural == "pods":
            return subresource in ("", "resize")
        return row.plural in ("services", "persistentvolumeclaims") and not subresource

    def validate(self, attributes: Attributes) -> Outcome:
        """Refuse what does not fit; namespaces without quotas cost one look-up."""
        obj, old = attributes.obj, attributes.old
        if obj is None:
            return None
        quotas_here = attributes.lookup.list(RESOURCEQUOTAS, attributes.namespace)
        if not self._limited and not any(quotas_here):
            return None
        if attributes.of("", "pods") and attributes.operation == "UPDATE":
            moved = quotas.is_terminating(obj) != quotas.is_terminating(old or {})
            if not attributes.subresource and not moved:
                return None
        return self._charge_all(attributes, obj)

    async def _charge_all(self, attributes: Attributes, obj: Object) -> None:
        # All are checked before the first is charged, so that a refusal costs nothing.
        present = list(attributes.lookup.list(RESOURCEQUOTAS, attributes.namespace))
        names = [str(quota["metadata"]["name"]) for quota in present]
        if self._limited:
            _check_covered(attributes, obj, self._limited, present)
        for quota in present:
            _new_usage(attributes, obj, quota)
        if attributes.dry_run:
            return
        for name in names:
            await self._charge(attributes, obj, name)

    async def _charge(self, attributes: Attributes, obj: Object, name: str) -> None:
        for _ in range(_ATTEMPTS):
            quota = attributes.lookup.get(RESOURCEQUOTAS, attributes.namespace, name)
            used = _new_usage(attributes, obj, quota) if quota is not None else None
            if quota is None or used is None or await self._writer.charge(quota, used):
                return
        raise Conflict(
            f'Operation cannot be fulfilled on resourcequotas "{name}": the object has been'
            " modified; please apply your changes to the latest version and try again",
            details={"name": name, "kind": "resourcequotas"},
        )


def _check_covered(
    attributes: Attributes, obj: Object, limited: Sequence[Limited], present: Sequence[Object]
) -> None:
    """Refuse what is limited by default and what no quota is about."""
    group, plural = attributes.row.group, attributes.row.plural
    used = [name for name, value in quotas.usage(group, plural, obj).items() if not value.is_zero()]
    parts = [part for one in limited if (one.group, one.plural) == (group, plural)
             for part in one.contains]  # fmt: skip
    wanted = {name for name in used if any(part in name for part in parts)}
    covered: set[str] = set()
    scopes: set[str] = set()
    for quota in present:
        fitting = quotas.matching_scopes(quotas.scopes_of(quota), group, plural, obj)
        scopes.update(each["scopeName"] for each in fitting)
        if quotas.in_scope(quota, group, plural, obj):
            covered.update(quotas.limited_by(quota, group, plural))
    if wanted - covered:
        listed = ",".join(sorted(wanted - covered))
        raise attributes.refuse(f"insufficient quota to consume: {listed}")
    bound = [
        each
        for one in limited
        for each in quotas.matching_scopes(one.scopes, group, plural, obj)
        if each["scopeName"] not in scopes
    ]
    if bound:
        # No refusal of admission's in upstream either, but an error of the server.
        shown = " ".join(_shown(each) for each in bound)
        why = f"insufficient quota to match these scopes: [{shown}]"
        raise ApiError(why, code=500, reason="")


def _shown(selector: Object) -> str:
    values = " ".join(selector.get("values") or ())
    return f"{{{selector['scopeName']} {selector.get('operator') or ''} [{values}]}}"


def _new_usage(attributes: Attributes, obj: Object, quota: Object) -> dict[str, str] | None:
    """Return `status.used` with the object charged, None if nothing changes; raises Forbidden."""
    group, plural = attributes.row.group, attributes.row.plural
    limited = quotas.limited_by(quota, group, plural)
    if not limited or not quotas.in_scope(quota, group, plural, obj):
        return None
    name = quota["metadata"]["name"]
    if attributes.of("", "pods"):
        why = quotas.missing_resources(obj, limited)
        if why:
            raise attributes.refuse(f"failed quota: {name}: {why}")
    status = quota.get("status") or {}
    used, hard = status.get("used") or {}, status.get("hard") or {}
    if any(resource not in used for resource in limited):
        raise attributes.refuse(f"status unknown for quota: {name}, resources: {','.join(limited)}")
    delta = _delta(attributes, obj, quota, limited)
    if not delta:
        return None
    total = {resource: parse(used[resource]).add(value) for resource, value in delta.items()}
    exceeded = [resource for resource in sorted(total) if parse(hard[resource]) < total[resource]]
    if exceeded:
        asked = _listed({resource: delta[resource].canonical() for resource in exceeded})
        raise attributes.refuse(
            f"exceeded quota: {name}, requested: {asked},"
            f" used: {_listed({r: used[r] for r in exceeded})},"
            f" limited: {_listed({r: hard[r] for r in exceeded})}"
        )
    return {**used, **{resource: value.canonical() for resource, value in total.items()}}


def _delta(attributes: Attributes, obj: Object, quota: Object, limited: list[str]) -> Amounts:
    """Return what comes in addition, without zeros; nothing is given back here."""
    group, plural = attributes.row.group, attributes.row.plural
    delta = quotas.usage(group, plural, obj)
    old = attributes.old
    if old is not None and quotas.in_scope(quota, group, plural, old):
        before = quotas.usage(group, plural, old)
        delta = {
            name: value.sub(before[name]) if name in before else value
            for name, value in delta.items()
            if name not in before or before[name] < value
        }
    return {name: delta[name] for name in limited if name in delta and not delta[name].is_zero()}


def _listed(amounts: dict[str, str]) -> str:
    return ",".join(f"{name}={amounts[name]}" for name in sorted(amounts))
