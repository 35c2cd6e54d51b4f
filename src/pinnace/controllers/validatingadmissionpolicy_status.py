"""Tells in the status of admission policies which of their expressions cannot fit what they match.

Upstream: `pkg/controller/validatingadmissionpolicystatus`. A policy is checked once for each of its
generations; what is found changes nothing about how it is enforced.
"""

import asyncio
from datetime import timedelta

import orjson

from pinnace.api.cel import typechecks
from pinnace.api.cel.resolved import of_built_in, of_document
from pinnace.api.cel.typechecks import KindName
from pinnace.api.errors import ApiError
from pinnace.api.kinds.admissionregistration import VALIDATINGADMISSIONPOLICIES
from pinnace.api.objects import Key, Object
from pinnace.api.schema.load import load
from pinnace.client.base import Client
from pinnace.controllers.base import Context, Controller

NAME = "validatingadmissionpolicy-status"


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Check a policy that has changed since it was last checked, and write what is found."""
    policy = ctx.informers.informer(VALIDATINGADMISSIONPOLICIES).get(key)
    if policy is None:
        return None
    generation = policy["metadata"].get("generation") or 0
    if generation <= ((policy.get("status") or {}).get("observedGeneration") or 0):
        return None
    found = await _warnings(policy, ctx.client)
    applied = {
        "kind": VALIDATINGADMISSIONPOLICIES.kind,
        "apiVersion": VALIDATINGADMISSIONPOLICIES.group_version,
        "metadata": {"name": key.name},
        "status": {
            "observedGeneration": generation,
            "typeChecking": {"expressionWarnings": found} if found else {},
        },
    }
    await ctx.client.patch(
        VALIDATINGADMISSIONPOLICIES,
        key.name,
        applied,
        type="apply",
        subresource="status",
        field_manager=NAME,
        force=True,
    )
    return None


async def _warnings(policy: Object, client: Client) -> list[dict[str, str]]:
    kinds = await _kinds(policy, client)
    params = typechecks.param_kind(policy)
    wanted = {*kinds, params} if params is not None else set(kinds)
    schemas = {kind: await _schema(kind, client) for kind in wanted}
    # A compilation may take some milliseconds for each kind; others of this process go on.
    return await asyncio.to_thread(typechecks.warnings, policy, kinds, schemas)


async def _kinds(policy: Object, client: Client) -> list[KindName]:
    """Return the kinds that a policy names, sorted; no more of a rule than are ever checked."""
    found: set[KindName] = set()
    for rule in typechecks.wanted_resources(policy):
        count = 0
        for group, version, resource in rule:
            for kind in await _kinds_for(group, version, resource, client):
                found.add(kind)
                count += 1
                if count == typechecks.MOST_TYPES:
                    return sorted(found)
    return sorted(found)


async def _kinds_for(group: str, version: str, resource: str, client: Client) -> list[KindName]:
    return [
        KindName(*_split(document), entry["kind"])
        for document in await _discovered(group, version, client)
        for entry in document.get("resources") or ()
        if resource in (entry["name"], entry.get("singularName"))
    ]


async def _discovered(group: str, version: str, client: Client) -> list[Object]:
    """Return the documents of a group and version; the empty name stands for every group."""
    if group:
        return [await _document(f"/apis/{group}/{version}", client)]
    groups = (await _document("/apis", client)).get("groups") or ()
    found = [each["groupVersion"] for every in groups for each in every["versions"]]
    same = [f"/apis/{each}" for each in found if each.rpartition("/")[2] == version]
    return [await _document(path, client) for path in (f"/api/{version}", *same)]


def _split(document: Object) -> tuple[str, str]:
    group, _, version = document["groupVersion"].rpartition("/")
    return group, version


async def _schema(kind: KindName, client: Client) -> Object | None:
    built_in = of_built_in(load(), kind.group, kind.version, kind.kind)
    if built_in is not None:
        return built_in
    document = await _document(f"/openapi/v3/apis/{kind.group}/{kind.version}", client)
    return of_document(document, kind.group, kind.version, kind.kind)


async def _document(path: str, client: Client) -> Object:
    """Return a JSON document, or an empty one if there is none that could be had."""
    try:
        found: Object = orjson.loads(await client.raw("GET", path))
    except ApiError:
        return {}
    return found


VALIDATINGADMISSIONPOLICY_STATUS = Controller(
    name="validatingadmissionpolicy-status-controller",
    on=VALIDATINGADMISSIONPOLICIES,
    reconcile=reconcile,
)
