"""Administrators' access to devices: asked for only in namespaces that are labelled for it."""

from collections.abc import Iterable

from pinnace.api.errors import Cause
from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Lookup

LABEL = "resource.kubernetes.io/admin-access"
_REFUSED = (
    f"Forbidden: admin access to devices requires the `{LABEL}: true` label on the containing "
    "namespace"
)


def admin_access_causes(
    row: Resource, obj: Object, old: Object | None, lookup: Lookup
) -> list[Cause]:
    """Return the complaint about a new claim or template, or a new allocation; none if it may."""
    if row.group != "resource.k8s.io":
        return []
    path = None
    if row.kind == "ResourceClaim" and old is not None:
        if _first(_results(old)) is None and (index := _first(_results(obj))) is not None:
            path = f"status.allocation.devices.results[{index}].adminAccess"
    elif row.kind in ("ResourceClaim", "ResourceClaimTemplate") and old is None:
        spec = obj.get("spec") or {}
        spec = (spec.get("spec") or {}) if row.kind == "ResourceClaimTemplate" else spec
        requests = (spec.get("devices") or {}).get("requests") or ()
        # Before v1beta2 a request said in itself what it says in `exactly` now.
        index = _first(part.get("exactly") or part for part in requests)
        # Upstream gives this path for templates too.
        path = None if index is None else f"spec.devices.requests[{index}].adminAccess"
    if path is None:
        return []
    namespace = lookup.get(NAMESPACES, "", obj["metadata"].get("namespace") or "") or {}
    labels = (namespace.get("metadata") or {}).get("labels") or {}
    return [] if labels.get(LABEL) == "true" else [Cause("FieldValueForbidden", path, _REFUSED)]


def _first(parts: Iterable[Object]) -> int | None:
    return next((index for index, part in enumerate(parts) if part.get("adminAccess")), None)


def _results(claim: Object) -> list[Object]:
    allocation = (claim.get("status") or {}).get("allocation") or {}
    return (allocation.get("devices") or {}).get("results") or []
