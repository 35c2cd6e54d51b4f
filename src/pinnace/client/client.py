"""Every verb for every resource, over any transport: the one way into the cluster."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Literal, cast

import orjson

from pinnace.api import errors
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import Request, Response, Stream
from pinnace.client.base import EventType, PatchType, WatchEvent
from pinnace.client.transport import Transport, collect

PATCH_TYPES: Mapping[str, str] = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    # Apply's body is YAML by its media type; JSON is YAML.
    "apply": "application/apply-patch+yaml",
}
_METADATA = "application/json;as={kind};g=meta.k8s.io;v=v1,application/json"


class ApiClient:
    """`client.base.Client` over a transport; raises ApiError only."""

    def __init__(self, transport: Transport, *, user_agent: str = "pinnace") -> None:
        self._transport = transport
        self._user_agent = user_agent

    async def close(self) -> None:
        """Let go of the transport."""
        await self._transport.close()

    async def get(self, resource: Resource, name: str, *, namespace: str = "") -> Object:
        return await self._object("GET", resource.url(namespace, name))

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
        metadata_only: bool = False,
    ) -> Object:
        query = {
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "limit": str(limit) if limit else "",
            "continue": continue_,
            "resourceVersion": resource_version,
        }
        accept = _METADATA.format(kind="PartialObjectMetadataList") if metadata_only else ""
        found = await self._object("GET", resource.url(namespace), query=query, accept=accept)
        # Go writes a list without items as null.
        found["items"] = [_typed(resource, item, "") for item in found.get("items") or []]
        return found

    async def watch(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        initial_events: bool = False,
        timeout_seconds: int = 0,
        metadata_only: bool = False,
    ) -> AsyncGenerator[WatchEvent, None]:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "resourceVersion": resource_version,
            "sendInitialEvents": "true" if initial_events else "",
            "resourceVersionMatch": "NotOlderThan" if initial_events else "",
            "timeoutSeconds": str(timeout_seconds) if timeout_seconds else "",
        }
        accept = _METADATA.format(kind="PartialObjectMetadata") if metadata_only else ""
        request = self._request("GET", resource.url(namespace), query=query, accept=accept)
        answer = await self._transport.send(request, stream=True)
        if not isinstance(answer, Stream):
            _checked(answer)
            raise errors.ApiError(f"{request.path} did not answer a watch with a stream")
        if answer.status >= 300:
            _checked(await collect(answer))
        try:
            async for line in _lines(answer.frames):
                yield _event(line)
        finally:
            await _close(answer.frames)

    async def create(
        self,
        resource: Resource,
        obj: Object,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        namespace = namespace or obj.get("metadata", {}).get("namespace", "")
        return await self._object(
            "POST",
            resource.url(namespace, name, subresource),
            query={"dryRun": "All" if dry_run else ""},
            body=orjson.dumps(_typed(resource, obj, subresource)),
        )

    async def update(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        meta = obj["metadata"]
        path = resource.url(meta.get("namespace", ""), meta["name"], subresource)
        body = orjson.dumps(_typed(resource, obj, subresource))
        return await self._object("PUT", path, body=body)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        *,
        namespace: str = "",
        type: PatchType = "merge",
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Object:
        return await self._object(
            "PATCH",
            resource.url(namespace, name, subresource),
            query={"fieldManager": field_manager, "force": "true" if force else ""},
            body=orjson.dumps(patch),
            content_type=PATCH_TYPES[type],
        )

    async def delete(
        self,
        resource: Resource,
        name: str,
        *,
        namespace: str = "",
        uid: str = "",
        resource_version: str = "",
        grace_period: int | None = None,
        propagation: Literal["", "Background", "Foreground", "Orphan"] = "",
    ) -> Object:
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if grace_period is not None:
            options["gracePeriodSeconds"] = grace_period
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if uid or resource_version:
            options["preconditions"] = {k: v for k, v in preconditions.items() if v}
        if propagation:
            options["propagationPolicy"] = propagation
        path = resource.url(namespace, name)
        return await self._object("DELETE", path, body=orjson.dumps(options))

    async def delete_collection(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> Object:
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        return await self._object("DELETE", resource.url(namespace), query=query)

    async def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        accept: str = "",
    ) -> bytes:
        request = self._request(
            method, path, query=query, body=body, content_type=content_type, accept=accept
        )
        return await self._complete(request)

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        accept: str = "",
    ) -> Request:
        headers = {"accept": accept or "application/json", "user-agent": self._user_agent}
        if body:
            headers["content-type"] = content_type
        return Request(
            method=method,
            path=path,
            query={name: [value] for name, value in (query or {}).items() if value},
            headers=headers,
            body=body,
        )

    async def _complete(self, request: Request) -> bytes:
        answer = await self._transport.send(request)
        if isinstance(answer, Stream):
            answer = await collect(answer)
        return _checked(answer)

    async def _object(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        content_type: str = "application/json",
        accept: str = "",
    ) -> Object:
        request = self._request(
            method, path, query=query, body=body, content_type=content_type, accept=accept
        )
        return _decoded(await self._complete(request))


def _typed(resource: Resource, obj: Object, subresource: str) -> Object:
    """Add kind and apiVersion where they are missing: items of a typed list come without."""
    if "kind" in obj and "apiVersion" in obj:
        return obj
    sub = resource.subresource(subresource) if subresource else None
    kind = (sub.kind if sub else "") or resource.kind
    version = resource.group_version
    if sub is not None and sub.version:
        version = f"{sub.group}/{sub.version}" if sub.group else sub.version
    return {"kind": kind, "apiVersion": version, **obj}


def _decoded(body: bytes) -> Object:
    try:
        return cast("Object", orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise errors.ApiError(f"the server answered no JSON: {error}") from error


def _checked(answer: Response) -> bytes:
    """Return the body of a good answer; raise what a bad one tells."""
    if answer.status < 300:
        return answer.body
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        told = None
    if isinstance(told, dict) and told.get("kind") == "Status":
        raise errors.from_status(told, code=answer.status)
    matching = [kind for kind in errors.FAMILY if kind.code == answer.status]
    text = answer.body.decode(errors="replace")[:2048].strip()
    raise (matching[0] if matching else errors.ApiError)(
        text or f"the server answered {answer.status}", code=answer.status
    )


async def _lines(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Cut frames, which may end anywhere, into lines."""
    rest: list[bytes] = []
    async for frame in frames:
        *complete, last = frame.split(b"\n")
        for line in complete:
            if rest:
                line = b"".join([*rest, line])
                rest.clear()
            if line:
                yield line
        if last:
            rest.append(last)
    if rest:
        yield b"".join(rest)


def _event(line: bytes) -> WatchEvent:
    frame = _decoded(line)
    if frame.get("type") == "ERROR":
        raise errors.from_status(frame.get("object") or {})
    return WatchEvent(cast("EventType", frame["type"]), frame["object"])


async def _close(frames: AsyncIterator[bytes]) -> None:
    close = getattr(frames, "aclose", None)
    if close is not None:
        await close()
