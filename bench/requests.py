"""CPU a request costs the API server, without sockets: python -m bench.requests; see README.md.

One process, the store in memory, RBAC and admission on, requests one after the other. It is the
figure to compare before and after a change of the request path: it hardly suffers from what else
the machine does.
"""

import argparse
import asyncio
import cProfile
import pstats
import time
from collections.abc import Callable, Iterator

import orjson
import uvloop

from bench.api import pod
from pinnace.api.wire import Request, Stream, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit import cycles
from pinnace.kit.clock import SystemClock
from pinnace.store.memory import MemoryStore

PODS = "/api/v1/namespaces/default/pods"
CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
EVENTS = "/api/v1/namespaces/default/events"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
_USER = User("somebody", ("system:authenticated",))
_MASTER = User("admin", ("system:masters", "system:authenticated"))
Make = Callable[[int], Request]


def _request(
    method: str, path: str, body: object = None, kind: str = "application/json", **query: str
) -> Request:
    return Request(
        method=method,
        path=path,
        query={name: [value] for name, value in query.items()},
        headers={"content-type": kind, "accept": "application/json", "user-agent": "bench/1"},
        body=b"" if body is None else orjson.dumps(body),
        user=_USER,
    )


def _patch(kind: str, path: str, body: object, **query: str) -> Request:
    ending = "yaml" if kind == "apply-patch" else "json"
    return _request("PATCH", path, body, f"application/{kind}+{ending}", **query)


def _named(number: int) -> str:
    return f"{PODS}/pod-{number:06}"


def _applied(number: int) -> Request:
    meta = {"name": f"pod-{number:06}", "labels": {"applied": "yes"}}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": meta}
    return _patch("apply-patch", _named(number), body, fieldManager="bench", force="true")


def _event(number: int) -> Request:
    about = {"kind": "Pod", "namespace": "default", "name": "p", "apiVersion": "v1", "uid": "u"}
    now = "2026-01-01T00:00:00Z"
    body = {
        "metadata": {"name": f"p.{number}", "namespace": "default"}, "involvedObject": about,
        "reason": "Scheduled", "message": "m", "source": {"component": "s"}, "count": 1,
        "firstTimestamp": now, "lastTimestamp": now, "type": "Normal",
    }  # fmt: skip
    return _request("POST", EVENTS, body)


def _binding(number: int) -> Request:
    body = {"kind": "Binding", "apiVersion": "v1", "metadata": {"name": f"pod-{number:06}"},
            "target": {"kind": "Node", "name": "n"}}  # fmt: skip
    return _request("POST", f"{_named(number)}/binding", body)


def _config(number: int) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{number}"},
            "data": {"n": str(number)}}  # fmt: skip


# In this order: what is created first is changed after.
WORK: tuple[tuple[str, Make], ...] = (
    ("create a Pod", lambda n: _request("POST", PODS, pod(n))),
    ("bind a Pod", _binding),
    ("get a Pod", lambda n: _request("GET", _named(n))),
    ("strategic merge patch of a Pod",
     lambda n: _patch("strategic-merge-patch", _named(n), {"metadata": {"labels": {"x": str(n)}}})),
    ("status patch of a Pod",
     lambda n: _patch("merge-patch", f"{_named(n)}/status", {"status": {"phase": "Running"}})),
    ("server-side apply of a Pod's label", _applied),
    ("create a ConfigMap", lambda n: _request("POST", CONFIGMAPS, _config(n))),
    ("update a ConfigMap", lambda n: _request("PUT", f"{CONFIGMAPS}/c{n}",
                                              {**_config(n), "data": {"n": "new"}})),
    ("create an Event", _event),
    ("create a Lease", lambda n: _request("POST", LEASES, {"metadata": {"name": f"l{n}"}})),
    ("renew a Lease", lambda n: _patch("merge-patch", f"{LEASES}/l{n}", {"spec": {
        "holderIdentity": "me", "renewTime": "2026-01-01T00:00:00.000000Z"}})),
    ("delete a ConfigMap", lambda n: _request("DELETE", f"{CONFIGMAPS}/c{n}")),
)  # fmt: skip


async def _prepare(server: ApiServer) -> None:
    """Let the user do all of this by RBAC, as real components may, and not as a master."""
    role = {"metadata": {"name": "bench"}, "rules": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}  # fmt: skip
    group = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "bench"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "bench"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": _USER.name}],
    }
    for path, body in (
        (f"/apis/{group}/v1/clusterroles", role),
        (f"/apis/{group}/v1/clusterrolebindings", binding),
        ("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}}),
        ("/api/v1/nodes", {"metadata": {"name": "n"}}),
    ):
        request = _request("POST", path, body)
        request.user = _MASTER
        answer = await server.handle(request)
        assert not isinstance(answer, Stream)
        assert answer.status in (201, 409), answer  # type: ignore[union-attr]


async def measure(times: int, only: str, *, profile: bool) -> None:
    server = ApiServer(MemoryStore(), SystemClock(), ServerConfig(admission=True))
    await server.start()
    await _prepare(server)
    cycles.freeze()
    for what, make in WORK:
        watched = only in what
        profiler = cProfile.Profile() if profile and only and watched else None
        best = await _best(server, what, make, times, profiler)
        if watched:
            print(f"{what:40} {best * 1e6:6,.0f} us", flush=True)
        if profiler is not None:
            pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
    await server.close()


async def _best(
    server: ApiServer, what: str, make: Make, times: int, profiler: cProfile.Profile | None
) -> float:
    """Return the CPU of one request in the best of ten parts of the run."""
    took = []
    for part in _parts(times):
        requests = [make(number) for number in part]
        if profiler is not None:
            profiler.enable()
        began = time.process_time()
        for request in requests:
            answer = await server.handle(request)
            assert answer.status < 300, (what, answer)  # type: ignore[union-attr]
        took.append((time.process_time() - began) / len(requests))
        if profiler is not None:
            profiler.disable()
    return min(took)


def _parts(times: int) -> Iterator[range]:
    step = max(times // 10, 1)
    for start in range(0, times, step):
        yield range(start, min(start + step, times))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=2000)
    options.add_argument("--only", default="", help="print (and profile) what has this in its name")
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    cycles.look_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(given.times, given.only, profile=given.profile))


if __name__ == "__main__":
    main()
