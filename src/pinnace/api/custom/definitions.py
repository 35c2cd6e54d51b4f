"""From a CustomResourceDefinition to the rows that it adds.

Upstream serves a definition once its names are accepted; the names in its status are the accepted
ones, and only versions that say `served` get a row.
"""

from collections.abc import Mapping
from typing import Any

from pinnace.api.custom.jsonpath import JsonPath
from pinnace.api.custom.kind import Conversion, CustomKind, selects
from pinnace.api.objects import Object
from pinnace.api.resources import Resource, Subresource, status

ESTABLISHED, NAMES_ACCEPTED, TERMINATING = "Established", "NamesAccepted", "Terminating"


def is_true(crd: Object, kind: str) -> bool:
    """Say whether a condition is True."""
    conditions = (crd.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == kind and c.get("status") == "True" for c in conditions)


def storage_version(crd: Object) -> str:
    """Return the name of the version in which objects are stored."""
    return next((v["name"] for v in crd["spec"]["versions"] if v.get("storage")), "")


def rows_of(crd: Object) -> list[Resource]:
    """Return a row for each version, served or not, in the definition's order."""
    versions = crd["spec"]["versions"]
    found = selects(versions)
    rows = [_row(crd, version, found) for version in versions]
    by_version = {row.group_version: row for row in rows}
    for row in rows:
        assert row.custom is not None
        row.custom.versions = by_version
    return rows


def _row(crd: Object, version: Mapping[str, Any], selected: Mapping[str, JsonPath]) -> Resource:
    spec = crd["spec"]
    names = (crd.get("status") or {}).get("acceptedNames") or spec["names"]
    custom = CustomKind(
        spec["group"],
        spec["names"]["kind"],
        version,
        selects=selected,
        conversion=_conversion(spec.get("conversion") or {}),
        versions=spec["versions"],
    )
    subresources: tuple[Subresource, ...] = ()
    if custom.has_status:
        subresources += (status(spec["names"]["kind"]),)
    if custom.scale is not None:
        scale = Subresource(name="scale", kind="Scale", group="autoscaling", version="v1")
        subresources += (scale,)
    return Resource(
        group=spec["group"],
        version=version["name"],
        kind=spec["names"]["kind"],
        plural=spec["names"]["plural"],
        singular=names.get("singular") or spec["names"]["kind"].lower(),
        short=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        namespaced=spec["scope"] == "Namespaced",
        verbs=("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"),
        subresources=subresources,
        prefix=f"/registry/{spec['group']}/{spec['names']['plural']}",
        storage=f"{spec['group']}/{storage_version(crd)}",
        custom=custom,
    )


def _conversion(given: Mapping[str, Any]) -> Conversion | None:
    if given.get("strategy") != "Webhook":
        return None
    webhook = given["webhook"]
    versions = tuple(webhook.get("conversionReviewVersions") or ())
    return Conversion(webhook["clientConfig"], versions)


def with_condition(crd: Object, new: Object, now: str) -> None:
    """Set a condition of a definition, in place."""
    status = crd["status"] = dict(crd.get("status") or {})
    status["conditions"] = [dict(found) for found in status.get("conditions") or ()]
    set_condition(status["conditions"], new, now)


def set_condition(conditions: list[Object], new: Object, now: str) -> None:
    """Put a condition into a list; the time of its transition changes with its status only."""
    for found in conditions:
        if found.get("type") == new["type"]:
            if found.get("status") != new["status"]:
                found["lastTransitionTime"] = now
            found.update(new)
            return
    conditions.append({**new, "lastTransitionTime": now})
