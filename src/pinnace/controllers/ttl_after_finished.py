"""Deletes finished Jobs whose time to live is over."""

from datetime import datetime, timedelta

from pinnace.api.errors import NotFound
from pinnace.api.kinds.batch import JOBS
from pinnace.api.objects import Key, Object, parse_time
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions


def expiry(job: Object) -> datetime | None:
    """Return when a Job is to be deleted, or None if it is not to be (yet)."""
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    if ttl is None or "deletionTimestamp" in job["metadata"]:
        return None
    for kind in ("Complete", "Failed"):
        found = conditions.find((job.get("status") or {}).get("conditions"), kind)
        if found is not None and found["status"] == "True":
            return parse_time(found["lastTransitionTime"]) + timedelta(seconds=ttl)
    return None


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Delete the Job if it is due, or return when it will be."""
    job = ctx.informers.informer(JOBS).get(key)
    if job is None or (due := expiry(job)) is None:
        return None
    if due > (now := ctx.clock.now()):
        return due - now
    # The time to live may have been prolonged meanwhile; only the server knows.
    try:
        fresh = await ctx.client.get(JOBS, key.name, namespace=key.namespace)
        due = expiry(fresh)
        if due is None or due > now:
            return None
        await ctx.client.delete(
            JOBS,
            key.name,
            namespace=key.namespace,
            uid=fresh["metadata"]["uid"],
            resource_version=fresh["metadata"]["resourceVersion"],
            propagation="Foreground",
        )
    except NotFound:
        pass
    return None


TTL_AFTER_FINISHED = Controller(name="ttl-after-finished-controller", on=JOBS, reconcile=reconcile)
