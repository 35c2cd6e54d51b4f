"""Which resources the cluster serves: built-in, defined at run time, and by extension servers."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from pinnace.api.errors import ServiceUnavailable
from pinnace.api.resources import Resource
from pinnace.client.base import Client

_ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class DiscoveryFailed(ServiceUnavailable):
    """Some group versions are not told of, for their server is away; `versions` are which."""

    def __init__(self, versions: Sequence[str]) -> None:
        self.versions = tuple(sorted(versions))
        told = ", ".join(f"{each}: stale GroupVersion discovery: {each}" for each in self.versions)
        super().__init__(f"unable to retrieve the complete list of server APIs: {told}")


async def served(client: Client) -> tuple[list[Resource], list[DiscoveryFailed]]:
    """Return a row for each resource, in its group's preferred version if it is there, and what
    failed.

    The versions of an extension server that is away fail alone; all others are still returned.
    """
    answers = await asyncio.gather(
        *(client.raw("GET", path, accept=_ACCEPT) for path in ("/api", "/apis"))
    )
    rows: dict[tuple[str, str], Resource] = {}
    stale: list[str] = []
    for answer in answers:
        for group in orjson.loads(answer).get("items") or ():
            name = group["metadata"].get("name") or ""
            for version in group.get("versions") or ():
                if version.get("freshness") == "Stale":
                    stale.append(f"{name}/{version['version']}")
                    continue
                # The preferred version is the first.
                for row in _rows(name, version["version"], version.get("resources") or ()):
                    rows.setdefault((name, row.plural), row)
    return list(rows.values()), [DiscoveryFailed(stale)] if stale else []


def _rows(group: str, version: str, resources: Iterable[dict[str, Any]]) -> Iterator[Resource]:
    for entry in resources:
        kind = (entry.get("responseKind") or {}).get("kind")
        if kind:
            yield Resource(
                group=group,
                version=version,
                kind=kind,
                plural=entry["resource"],
                namespaced=entry.get("scope") == "Namespaced",
                verbs=tuple(entry.get("verbs") or ()),
            )
