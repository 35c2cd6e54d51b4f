"""The variables that expressions of admission see, made of what is written."""

from typing import Any

from pinnace.api.cel.authorizer import Attempt, Authorizer, ResourceCheck
from pinnace.api.kinds.core import NAMESPACES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes
from pinnace.apiserver.authz import base as authz
from pinnace.apiserver.hooks.review import kind_of, user_of, written
from pinnace.apiserver.policies.asking import asker

# What admission shows of a Namespace beside its spec and status.
_META = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation",
    "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "labels",
    "annotations", "finalizers",
)  # fmt: skip


def variables(
    attributes: Attributes,
    row: Resource,
    authorizer: authz.Authorizer,
    obj: Object | None,
    old: Object | None,
) -> dict[str, Any]:
    """Return what expressions see of a write whose objects are in the version of a row."""
    ask = asker(attributes.user, authorizer)
    given = attributes.row
    resource = Attempt(
        group=given.group,
        resource=given.plural,
        subresource=attributes.subresource,
        namespace=attributes.namespace,
        name=attributes.name,
    )
    return {
        "object": written(obj, row),
        "oldObject": written(old, row),
        "request": _request(attributes, row),
        "authorizer": Authorizer(ask, Attempt()),
        "authorizer.requestResource": ResourceCheck(ask, resource),
        "namespaceObject": _namespace(attributes),
    }


def _request(attributes: Attributes, row: Resource) -> Object:
    sub = attributes.subresource
    made: Object = {
        "kind": _kind(row, sub),
        "resource": _resource(row),
        "requestKind": _kind(attributes.row, sub),
        "requestResource": _resource(attributes.row),
        "operation": attributes.operation,
        "userInfo": user_of(attributes),
        "dryRun": attributes.dry_run,
    }
    more = {
        "name": attributes.name,
        "namespace": attributes.namespace,
        "subResource": sub,
        "requestSubResource": sub,
        "options": attributes.options(),
    }
    made.update((key, value) for key, value in more.items() if value)
    return made


def _kind(row: Resource, subresource: str) -> Object:
    group, version, kind = kind_of(row, subresource)
    return {"group": group, "version": version, "kind": kind}


def _resource(row: Resource) -> Object:
    return {"group": row.group, "version": row.version, "resource": row.plural}


def _namespace(attributes: Attributes) -> Object | None:
    if not attributes.namespace or attributes.of("", "namespaces"):
        return None
    found = attributes.lookup.get(NAMESPACES, "", attributes.namespace)
    if found is None:
        return None
    meta = {key: value for key, value in found["metadata"].items() if key in _META}
    return {
        "metadata": meta,
        "spec": found.get("spec") or {},
        "status": found.get("status") or {},
    }
