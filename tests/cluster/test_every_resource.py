"""One walk through every verb, for every built-in resource in every served version."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import orjson
import pytest
import pytest_asyncio

from pinnace.api.kinds.core import NAMESPACES, SERVICEACCOUNTS
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import Request, Response, Stream, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.authz.configuration import NODE_AND_RBAC
from pinnace.apiserver.config import ServerConfig
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore
from pinnace.testing.samples import sample

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROOT = User("root", ("system:masters", "system:authenticated"))
STORED = [row for row in RESOURCES if {"create", "list"} <= {*row.verbs}]
# Made by a node for one of its Pods only, with a proof that it holds the key.
ROWS = [row for row in STORED if row.plural != "podcertificaterequests"]
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Api:
    """Speaks to a server with admission and RBAC, but without controllers that would meddle."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.numbers = count(1)

    async def answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        accept: str = "",
        kind: str = "",
        **query: str,
    ) -> Any:
        headers = {"accept": accept or "application/json"}
        if body is not None:
            headers["content-type"] = kind or "application/json"
        return await self.server.handle(
            Request(
                method=method,
                path=path,
                query={name: [value] for name, value in query.items()},
                headers=headers,
                body=orjson.dumps(body) if body is not None else b"",
                user=ROOT,
            )
        )

    async def do(self, method: str, path: str, body: Any = None, **options: str) -> tuple[int, Any]:
        answer = await self.answer(method, path, body, **options)
        assert isinstance(answer, Response)
        return answer.status, orjson.loads(answer.body)

    async def ok(self, method: str, path: str, body: Any = None, **options: str) -> Any:
        status, told = await self.do(method, path, body, **options)
        assert status in (200, 201), told
        return told

    async def make(self, row: Resource) -> tuple[str, Object]:
        """Create a new sample; return its path and what was answered."""
        number = next(self.numbers)
        new = sample(row, f"s{number}", number=number % 250 + 1)
        status, made = await self.do("POST", collection(row), new)
        assert status == 201, made
        return f"{collection(row)}/{made['metadata']['name']}", made

    async def end(self, path: str) -> None:
        """Delete something as far as it lets itself be deleted, finalizers and all."""
        status, told = await self.do("DELETE", path, gracePeriodSeconds="0")
        assert status in (200, 202), told
        status, left = await self.do("GET", path)
        if status == 200:
            left["metadata"].pop("finalizers", None)
            left.get("spec", {}).pop("finalizers", None)
            end = f"{path}/finalize" if left["kind"] == "Namespace" else path
            status, told = await self.do("PUT", end, left)
            assert status == 200, told


def collection(row: Resource) -> str:
    return row.url("default" if row.namespaced else "")


def everywhere(row: Resource) -> str:
    return row.url()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[Api]:
    config = ServerConfig(admission=True, authorization=NODE_AND_RBAC)
    server = ApiServer(MemoryStore(), VirtualClock(), config)
    await server.start()
    made = Api(server)
    account = {"metadata": {"name": "default"}}
    await made.ok("POST", SERVICEACCOUNTS.url("default"), account)
    yield made
    await server.close()


def label(row: Resource) -> str:
    return f"{row.plural}.{row.group_version}"


each = pytest.mark.parametrize("row", ROWS, ids=label)


# A write of their status changes nothing else, labels and annotations included.
STATUS_ALONE = {
    "servicecidrs", "volumeattachments", "validatingadmissionpolicies", "podgroups",
    "resourceclaims", "devicetaintrules", "resourcepoolstatusrequests", "storageversions",
    "storageversionmigrations", "flowschemas", "prioritylevelconfigurations",
}  # fmt: skip


def with_status(row: Resource) -> bool:
    return row.subresource("status") is not None


@each
async def test_read(api: Api, row: Resource) -> None:
    path, made = await api.make(row)
    name, mark = made["metadata"]["name"], made["metadata"]["labels"]["sample"]
    assert (made["kind"], made["apiVersion"]) == (row.kind, row.group_version)
    assert made["metadata"]["managedFields"]
    assert await api.ok("GET", path) == made
    for where in {collection(row), everywhere(row)}:
        for selector in (
            {"labelSelector": f"sample={mark}"},
            {"fieldSelector": f"metadata.name={name}"},
            {"labelSelector": f"sample={mark}", "fieldSelector": f"metadata.name={name}"},
        ):
            found = await api.ok("GET", where, **selector)
            assert found["kind"] == row.list_kind
            assert [item["metadata"]["uid"] for item in found["items"]] == [made["metadata"]["uid"]]
        none = await api.ok(
            "GET", where, fieldSelector=f"metadata.name!={name}", labelSelector=f"sample={mark}"
        )
        assert none["items"] == []
    status, told = await api.do("GET", f"{path}-not")
    assert (status, told["reason"]) == (404, "NotFound")
    suffix = f".{row.group}" if row.group else ""
    assert told["message"] == f'{row.plural}{suffix} "{name}-not" not found'
    await api.end(path)


@each
async def test_representations(api: Api, row: Resource) -> None:
    path, made = await api.make(row)
    one = "application/json;as={};g=meta.k8s.io;v=v1"
    query = {"labelSelector": f"sample={made['metadata']['labels']['sample']}"}
    for where, selector in ((path, {}), (collection(row), query)):
        table = await api.ok("GET", where, accept=one.format("Table"), **selector)
        assert table["kind"] == "Table"
        (line,) = table["rows"]
        # Upstream prints an age of IPAddresses under no column.
        surplus = 1 if row.plural == "ipaddresses" else 0
        assert len(line["cells"]) == len(table["columnDefinitions"]) + surplus
        assert line["object"]["kind"] == "PartialObjectMetadata"
    meta = await api.ok("GET", path, accept=one.format("PartialObjectMetadata"))
    assert (meta["kind"], meta["metadata"]) == ("PartialObjectMetadata", made["metadata"])
    metas = await api.ok(
        "GET", collection(row), accept=one.format("PartialObjectMetadataList"), **query
    )
    assert metas["kind"] == "PartialObjectMetadataList"
    assert [item["metadata"] for item in metas["items"]] == [made["metadata"]]
    await api.end(path)


@each
async def test_watch(api: Api, row: Resource) -> None:
    before = (await api.ok("GET", collection(row)))["metadata"]["resourceVersion"]
    path, made = await api.make(row)
    name = made["metadata"]["name"]
    patch = {"metadata": {"annotations": {"a": "1"}}}
    await api.ok("PATCH", path, patch, kind=PATCHES["merge"])
    await api.end(path)
    answer = await api.answer(
        "GET",
        collection(row),
        watch="1",
        resourceVersion=before,
        fieldSelector=f"metadata.name={name}",
    )
    assert isinstance(answer, Stream)
    seen = []
    async with asyncio.timeout(5):
        rest = b""
        async for frame in answer.frames:
            *lines, rest = (rest + frame).split(b"\n")
            seen += [orjson.loads(line) for line in lines]
            if seen and seen[-1]["type"] == "DELETED":
                break
    assert [seen[0]["type"], seen[-1]["type"]] == ["ADDED", "DELETED"]
    assert {event["type"] for event in seen[1:-1]} == {"MODIFIED"}
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
    assert versions == sorted({*versions})
    assert all(event["object"]["apiVersion"] == row.group_version for event in seen)


@each
async def test_update(api: Api, row: Resource) -> None:
    path, made = await api.make(row)
    made["metadata"]["labels"]["a"] = "1"
    second = await api.ok("PUT", path, made)
    assert second["metadata"]["labels"]["a"] == "1"
    assert int(second["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])
    # A slice counts its labels too: the proxy goes by them.
    counted = row.plural == "endpointslices"
    assert (
        second["metadata"].get("generation", 0) == made["metadata"].get("generation", 0) + counted
    )
    made["metadata"]["labels"]["a"] = "2"
    status, told = await api.do("PUT", path, made)
    suffix = f".{row.group}" if row.group else ""
    assert (status, told["reason"]) == (409, "Conflict")
    assert told["message"] == (
        f'Operation cannot be fulfilled on {row.plural}{suffix} "{made["metadata"]["name"]}": the '
        "object has been modified; please apply your changes to the latest version and try again"
    )
    second["metadata"]["labels"]["a"] = "3"
    del second["metadata"]["resourceVersion"]
    status, told = await api.do("PUT", path, second)
    if status == 200:
        assert told["metadata"]["labels"]["a"] == "3"
    else:
        assert (status, told["details"]["causes"][0]["field"]) == (422, "metadata.resourceVersion")
        assert "must be specified for an update" in told["message"]
    await api.end(path)


@each
async def test_patch(api: Api, row: Resource) -> None:
    path, made = await api.make(row)
    versions = [int(made["metadata"]["resourceVersion"])]
    patches: dict[str, Any] = {
        "json": [{"op": "add", "path": "/metadata/annotations", "value": {"json": "1"}}],
        "merge": {"metadata": {"annotations": {"merge": "1"}}},
        "strategic": {"metadata": {"annotations": {"strategic": "1"}}},
        "apply": {
            "apiVersion": row.group_version,
            "kind": row.kind,
            "metadata": {"name": made["metadata"]["name"], "annotations": {"apply": "1"}},
        },
    }
    for kind, patch in patches.items():
        patched = await api.ok("PATCH", path, patch, kind=PATCHES[kind], fieldManager="tests")
        assert patched["metadata"]["annotations"][kind] == "1"
        versions.append(int(patched["metadata"]["resourceVersion"]))
        again = await api.ok("PATCH", path, patch, kind=PATCHES[kind], fieldManager="tests")
        if kind != "json":
            assert again["metadata"]["resourceVersion"] == patched["metadata"]["resourceVersion"]
    assert versions == sorted({*versions})
    assert {entry["operation"] for entry in patched["metadata"]["managedFields"]} == {
        "Apply",
        "Update",
    }
    await api.end(path)


@each
async def test_apply_creates(api: Api, row: Resource) -> None:
    number = next(api.numbers)
    new = sample(row, f"s{number}", number=number % 250 + 1)
    path = f"{collection(row)}/{new['metadata']['name']}"
    options = {"kind": PATCHES["apply"], "fieldManager": "tests"}
    status, made = await api.do("PATCH", path, new, **options, dryRun="All")
    assert status == 201, made
    assert (await api.do("GET", path))[0] == 404
    status, made = await api.do("PATCH", path, new, **options)
    assert status == 201, made
    status, again = await api.do("PATCH", path, new, **options)
    assert (status, again) == (200, made)
    await api.end(path)


@pytest.mark.parametrize("row", [*filter(with_status, ROWS)], ids=label)
async def test_status(api: Api, row: Resource) -> None:
    path, made = await api.make(row)
    assert await api.ok("GET", f"{path}/status") == made
    made["metadata"]["labels"]["on"] = "status"
    first = await api.ok("PUT", f"{path}/status", made)
    assert (first["kind"], first["apiVersion"]) == (row.kind, row.group_version)
    assert first.get("spec") == made.get("spec")
    patch = {"metadata": {"annotations": {"by": "status"}}}
    for kind in ("merge", "strategic"):
        patched = await api.ok("PATCH", f"{path}/status", patch, kind=PATCHES[kind])
        assert ("annotations" in patched["metadata"]) == (row.plural not in STATUS_ALONE)
        assert patched["metadata"].get("generation") == made["metadata"].get("generation")
    await api.end(path)


@each
async def test_dry_run(api: Api, row: Resource) -> None:
    number = next(api.numbers)
    new = sample(row, f"s{number}", number=number % 250 + 1)
    path = f"{collection(row)}/{new['metadata']['name']}"
    status, made = await api.do("POST", collection(row), new, dryRun="All")
    assert status == 201, made
    assert made["metadata"]["uid"]
    assert "resourceVersion" not in made["metadata"]
    assert (await api.do("GET", path))[0] == 404
    path, made = await api.make(row)
    changed = orjson.loads(orjson.dumps(made))
    changed["metadata"]["labels"]["dry"] = "run"
    assert (await api.ok("PUT", path, changed, dryRun="All"))["metadata"]["labels"]["dry"] == "run"
    patch = {"metadata": {"labels": {"dry": "run"}}}
    for kind in ("merge", "strategic"):
        told = await api.ok("PATCH", path, patch, kind=PATCHES[kind], dryRun="All")
        assert told["metadata"]["labels"]["dry"] == "run"
    await api.ok("DELETE", path, dryRun="All")
    assert await api.ok("GET", path) == made
    await api.end(path)


@each
async def test_delete_with_preconditions(api: Api, row: Resource) -> None:
    path, made = await api.make(row)
    for wrong in ({"uid": "x"}, {"resourceVersion": "1"}):
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": wrong}
        status, told = await api.do("DELETE", path, options)
        assert (status, told["reason"]) == (409, "Conflict"), told
        assert "Precondition failed" in told["message"] or "does not match" in told["message"]
    right = {key: made["metadata"][key] for key in ("uid", "resourceVersion")}
    status, told = await api.do("DELETE", path, {"preconditions": right, "gracePeriodSeconds": 0})
    assert status in (200, 202), told
    status, left = await api.do("GET", path)
    if status == 200:
        assert left["metadata"]["deletionTimestamp"]
        await api.end(path)


@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if "deletecollection" in row.verbs and row.plural != "apiservices"],
    ids=label,
)
async def test_delete_collection(api: Api, row: Resource) -> None:
    (path, made), (other, _) = await api.make(row), await api.make(row)
    mark = made["metadata"]["labels"]["sample"]
    told = await api.ok(
        "DELETE", collection(row), labelSelector=f"sample={mark}", gracePeriodSeconds="0"
    )
    assert told["kind"] in ("Status", row.list_kind)
    assert (await api.do("GET", other))[0] == 200
    status, left = await api.do("GET", path)
    assert status == 404 or left["metadata"]["deletionTimestamp"]
    if status == 200:
        await api.end(path)
    await api.end(other)


VIEWS = [
    (row, other)
    for row in ROWS
    for other in ROWS
    if row is not other and row.prefix == other.prefix and row.prefix
]


@pytest.mark.parametrize(("row", "other"), VIEWS, ids=lambda row: label(row))
async def test_every_version_shows_the_same_object(
    api: Api, row: Resource, other: Resource
) -> None:
    path, made = await api.make(row)
    seen = await api.ok("GET", f"{collection(other)}/{made['metadata']['name']}")
    assert (seen["kind"], seen["apiVersion"]) == (other.kind, other.group_version)
    for name in ("uid", "resourceVersion", "labels"):
        assert seen["metadata"][name] == made["metadata"][name]
    seen["metadata"]["labels"]["by"] = "other"
    written = await api.ok("PUT", f"{collection(other)}/{made['metadata']['name']}", seen)
    back = await api.ok("GET", path)
    assert back["metadata"]["resourceVersion"] == written["metadata"]["resourceVersion"]
    assert back.get("spec") == made.get("spec")
    await api.end(path)


async def test_a_namespace_that_ends_takes_no_more(api: Api) -> None:
    path, _ = await api.make(NAMESPACES)
    await api.do("DELETE", path)
    name = path.rpartition("/")[2]
    status, told = await api.do("POST", SERVICEACCOUNTS.url(name), {"metadata": {"name": "x"}})
    assert (status, told["reason"]) == (403, "Forbidden")
    assert told["message"].endswith("because it is being terminated")
    await api.end(path)
