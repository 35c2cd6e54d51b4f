"""Creating and deleting what controllers keep, Pods with the Events that upstream records."""

from pinnace.api.errors import AlreadyExists, ApiError, NotFound
from pinnace.api.kinds.core import PODS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.controllers.base import Context


async def create_pod(ctx: Context, owner: Object, pod: Object) -> Object | None:
    """Create a Pod and tell of it; None if its namespace is going away."""
    try:
        made = await ctx.client.create(PODS, pod)
    except ApiError as error:
        if is_namespace_terminating(error):
            return None
        message = f"Error creating: {error.message}"
        ctx.events.event(owner, type="Warning", reason="FailedCreate", message=message)
        raise
    name = made["metadata"]["name"]
    message = f"Created pod: {name}"
    ctx.events.event(owner, type="Normal", reason="SuccessfulCreate", message=message)
    return made


async def delete_pod(ctx: Context, owner: Object, pod: Object) -> bool:
    """Delete a Pod and tell of it; False if it is gone already."""
    meta = pod["metadata"]
    try:
        await ctx.client.delete(PODS, meta["name"], namespace=meta["namespace"])
    except NotFound:
        return False
    except ApiError as error:
        message = f"Error deleting: {error.message}"
        ctx.events.event(owner, type="Warning", reason="FailedDelete", message=message)
        raise
    message = f"Deleted pod: {meta['name']}"
    ctx.events.event(owner, type="Normal", reason="SuccessfulDelete", message=message)
    return True


async def ensure(ctx: Context, row: Resource, obj: Object) -> None:
    """Create an object unless it is there, or its namespace is going away."""
    try:
        await ctx.client.create(row, obj)
    except AlreadyExists:
        pass
    except ApiError as error:
        if not is_namespace_terminating(error):
            raise


def is_namespace_terminating(error: ApiError) -> bool:
    """Whether a creation was refused because the namespace is being deleted."""
    causes = (error.details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
