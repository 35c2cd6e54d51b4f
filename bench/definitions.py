"""What a thousand CustomResourceDefinitions cost: creating them, discovery, documents, a restart.

    python bench/definitions.py [--definitions 1000]

In process, on the memory store; CPU seconds and resident memory.
"""

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

import orjson

from pinnace.api.wire import Request
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ASKED = (("/apis", AGGREGATED), ("/apis", ""), ("/openapi/v3", ""), ("/openapi/v2", ""))


def fields(depth: int) -> dict[str, Any]:
    leaf = {"type": "string", "maxLength": 10, "pattern": "^a*$"}
    inner = {"type": "object", "properties": fields(depth - 1)} if depth else leaf
    return {f"field{number}": inner for number in range(6)}


def definition(number: int) -> dict[str, Any]:
    """Return a definition with 258 fields, one of fifty groups."""
    group = f"group{number % 50}.example.com"
    spec = {"type": "object", "properties": fields(2)}
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": "v1", "served": True, "storage": True}
    version["schema"] = {"openAPIV3Schema": schema}
    names = {"plural": f"things{number}", "kind": f"Thing{number}"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things{number}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024


def tell(what: str, since: float) -> None:
    print(f"{what:<40} {time.process_time() - since:7.3f} s CPU  {resident():6.0f} MiB resident")


async def ask(server: ApiServer, method: str, path: str, body: Any = None, accept: str = "") -> int:
    headers = {"accept": accept} if accept else {}
    raw = orjson.dumps(body) if body is not None else b""
    answer = await server.handle(
        Request(method=method, path=path, query={}, headers=headers, body=raw)
    )
    return int(getattr(answer, "status", 200))


async def main(count: int) -> None:
    store = MemoryStore()
    server = ApiServer(store, SystemClock(), ServerConfig())
    began = time.process_time()
    await server.start()
    tell("start without any", began)
    began = time.process_time()
    for number in range(count):
        assert await ask(server, "POST", CRDS, definition(number)) == 201
    await asyncio.sleep(1)
    tell(f"{count} created and established", began)
    for path, accept in ASKED:
        began = time.process_time()
        assert await ask(server, "GET", path, accept=accept) == 200
        tell(f"first {path}{' aggregated' if accept else ''}", began)
    await server.close()
    began = time.process_time()
    again = ApiServer(store, SystemClock(), ServerConfig())
    await again.start()
    tell(f"start with {count}", began)
    await again.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--definitions", type=int, default=1000)
    asyncio.run(main(parser.parse_args().definitions))
