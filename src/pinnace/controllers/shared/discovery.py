"""Which resources the server serves now, built-in and defined at run time."""

import asyncio
from typing import Any

import orjson

from pinnace.api.errors import ApiError, NotFound
from pinnace.api.resources import Resource
from pinnace.client.base import Client


async def served(client: Client) -> tuple[list[Resource], list[ApiError]]:
    """Return a row for each resource in its group's preferred version, and what failed.

    A group may fail alone (an extension server that is away); the others are still returned.
    """
    groups = orjson.loads(await client.raw("GET", "/apis"))["groups"]
    versions = [group["preferredVersion"]["groupVersion"] for group in groups]
    paths = ["/api/v1", *(f"/apis/{version}" for version in versions)]
    answers = await asyncio.gather(
        *(client.raw("GET", path) for path in paths), return_exceptions=True
    )
    rows: list[Resource] = []
    failures: list[ApiError] = []
    for answer in answers:
        if isinstance(answer, bytes):
            document = orjson.loads(answer)
            rows += (
                _row(document["groupVersion"], entry)
                for entry in document["resources"]
                if "/" not in entry["name"]
            )
        elif isinstance(answer, NotFound):
            continue  # withdrawn between the two questions
        elif isinstance(answer, ApiError):
            failures.append(answer)
        else:
            raise answer
    return rows, failures


def _row(group_version: str, entry: dict[str, Any]) -> Resource:
    group, _, version = group_version.rpartition("/")
    return Resource(
        group=group,
        version=version,
        kind=entry["kind"],
        plural=entry["name"],
        namespaced=entry["namespaced"],
        verbs=tuple(entry["verbs"]),
    )
