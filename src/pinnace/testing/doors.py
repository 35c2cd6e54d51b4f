"""Everything that reads what strangers write, as doors for a fuzzer to knock at.

A door takes any bytes. It refuses them in the way that its callers expect, or takes them; anything
else that it raises is a bug. `tools/fuzz.py` drives the doors with atheris, `tests/fuzz` puts the
inputs that were kept (and some random ones) to them.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson

from pinnace.api import quantity, selectors
from pinnace.api.cel.environment import Environment
from pinnace.api.cel.syntax import CompileError
from pinnace.api.cel.types import DYN, INT, STRING, list_of, map_of, struct
from pinnace.api.codec import json as json_codec
from pinnace.api.codec import jsonsyntax, protobuf
from pinnace.api.codec import yaml as yaml_codec
from pinnace.api.custom.jsonpath import JsonPath
from pinnace.api.durations import parse_duration
from pinnace.api.errors import ApiError
from pinnace.api.fieldvalidation import repeated_fields
from pinnace.api.gotime import complaint
from pinnace.api.validation.schedule import schedule_error
from pinnace.api.wire import Request, Response, User
from pinnace.apiserver.app import ApiServer
from pinnace.apiserver.config import ServerConfig
from pinnace.kit import pem, spdy_frames
from pinnace.kit.clock import VirtualClock
from pinnace.store.memory import MemoryStore

Door = Callable[[bytes], None]
_ADMIN = User("fuzzer", ("system:masters", "system:authenticated"))
_COST = 200_000


def _json(data: bytes) -> None:
    try:
        value = json_codec.decode(data)
    except ApiError:
        jsonsyntax.complaint(data)
        return
    assert json_codec.decode(json_codec.encode(value)) == value
    repeated_fields(data)


def _yaml(data: bytes) -> None:
    try:
        value = yaml_codec.decode(data)
        yaml_codec.decode_strict(data)
    except ApiError:
        return
    yaml_codec.encode(value)


def _protobuf(data: bytes) -> None:
    for version, kind in (("v1", "Pod"), ("apps/v1", "Deployment"), ("v1", "DeleteOptions")):
        try:
            value = protobuf.decode(data, api_version=version, kind=kind)
        except ApiError:
            continue
        protobuf.encode(value)


def _selectors(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    for parse in (selectors.parse_label_selector, selectors.parse_field_selector):
        try:
            found = parse(text)
        except ApiError:
            continue
        found.matches({"a": "1", "metadata.name": "x"})
        assert str(parse(str(found))) == str(found)


def _amounts(data: bytes) -> None:
    text = data.decode(errors="replace")
    try:
        written = quantity.canonical(text)
    except ValueError:
        pass
    else:
        assert quantity.canonical(written) == written
    with suppress(ValueError):
        parse_duration(text)
    complaint(text)
    schedule_error(text)


_SCOPE = Environment(
    variables={"self": struct("o"), "d": DYN, "l": list_of(INT), "s": STRING},
    structs={"o": {"a": INT, "s": STRING, "m": map_of(STRING, STRING), "l": list_of(struct("o"))}},
)
_GIVEN: Mapping[str, Any] = MappingProxyType({
    "self": {"a": 3, "s": "hello", "m": {"x": "1"}, "l": [{"a": 1}, {"a": 2}]},
    "d": {"q": [1, "a"], "t": True},
    "l": list(range(20)),
    "s": "a" * 50,
})  # fmt: skip


def _cel(data: bytes) -> None:
    try:
        program = _SCOPE.compile(data.decode(errors="replace"))
    except CompileError as error:
        str(error)
        return
    outcome = program.run(_GIVEN, _COST)
    str(outcome.error)


def _paths(data: bytes) -> None:
    try:
        JsonPath(data.decode(errors="replace")).find(dict(_GIVEN))
    except ValueError:
        return


def _certificates(data: bytes) -> None:
    pem.request_fault(data)
    pem.certificates_fault(data)


def _frames(data: bytes) -> None:
    reader = spdy_frames.HeaderReader()
    try:
        spdy_frames.head_of(data[:8].ljust(8, b"\0"))
        reader.read(spdy_frames.SYN_STREAM, data[8:])
    except spdy_frames.ProtocolError:
        return


class RequestDoor:
    """Sends requests to a whole server: the first byte of an input chooses which, the rest is body.

    Nothing is stored (dryRun), so an input does the same whenever it comes. An answer of 500 that
    no real server would give is the bug that is looked for.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._server = ApiServer(
            MemoryStore(), VirtualClock(datetime(2026, 1, 1, tzinfo=UTC)), _config()
        )
        self._loop.run_until_complete(self._prepare())
        self._bugs = _Bugs()
        logging.getLogger("pinnace").addHandler(self._bugs)

    def __call__(self, data: bytes) -> None:
        """Send one request; raises what the server could not answer."""
        if not data:
            return
        method, path, media = REQUESTS[data[0] % len(REQUESTS)]
        self._loop.run_until_complete(self._send(method, path, media, data[1:]))
        if self._bugs.found:
            raise self._bugs.found.pop()

    async def _send(self, method: str, path: str, media: str, body: bytes) -> Any:
        query = {"dryRun": ["All"], "fieldManager": ["fuzz"], "force": ["true"]}
        if not media.startswith("application/apply"):
            del query["force"]
        return await self._server.handle(
            Request(
                method=method, path=path, query=query, body=body, user=_ADMIN,
                headers={"content-type": media, "accept": "application/json"},
            )
        )  # fmt: skip

    async def _prepare(self) -> None:
        await self._server.start()
        for path, obj in _FIRST:
            request = Request(
                method="POST", path=path, body=orjson.dumps(obj), user=_ADMIN,
                headers={"content-type": "application/json"},
            )  # fmt: skip
            answer = await self._server.handle(request)
            assert isinstance(answer, Response), path
            assert answer.status == 201, answer.body

    def close(self) -> None:
        """End the server."""
        logging.getLogger("pinnace").removeHandler(self._bugs)
        self._loop.run_until_complete(self._server.close())
        self._loop.close()


class _Bugs(logging.Handler):
    """Keeps what the server logs of requests that it could not answer."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self.found.append(record.exc_info[1])


def _config() -> ServerConfig:
    return ServerConfig(admission=True, authorization="RBAC")


_JSON, _YAML, _PROTOBUF = (
    f"application/{one}" for one in ("json", "yaml", "vnd.kubernetes.protobuf")
)
_IN = "/api/v1/namespaces/default"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
# Add at the end only: the first byte of every input that was kept counts on the order.
REQUESTS: tuple[tuple[str, str, str], ...] = (
    ("POST", f"{_IN}/pods", _JSON),
    ("POST", f"{_IN}/pods", _YAML),
    ("POST", f"{_IN}/pods", _PROTOBUF),
    ("POST", f"{_IN}/services", _JSON),
    ("POST", f"{_IN}/configmaps", _YAML),
    ("PUT", f"{_IN}/configmaps/first", _JSON),
    ("PATCH", f"{_IN}/configmaps/first", "application/json-patch+json"),
    ("PATCH", f"{_IN}/configmaps/first", "application/merge-patch+json"),
    ("PATCH", f"{_IN}/pods/first", "application/strategic-merge-patch+json"),
    ("PATCH", f"{_IN}/pods/first", "application/apply-patch+yaml"),
    ("DELETE", f"{_IN}/pods/first", _JSON),
    ("POST", _CRDS, _JSON),
    ("POST", _CRDS, _YAML),
    ("POST", _WIDGETS, _JSON),
    ("PATCH", f"{_WIDGETS}/first", "application/merge-patch+json"),
    ("PATCH", f"{_WIDGETS}/first", "application/apply-patch+yaml"),
    ("POST", _POLICIES, _YAML),
    ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", _YAML),
    ("POST", "/apis/apps/v1/namespaces/default/deployments", _JSON),
    ("POST", "/apis/batch/v1/namespaces/default/cronjobs", _YAML),
    ("POST", "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies", _YAML),
    ("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", _JSON),
    ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", _JSON),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", _JSON),
    ("POST", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas", _YAML),
    ("POST", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", _YAML),
    ("POST", "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", _YAML),
    ("PATCH", f"{_IN}/pods/first/status", "application/strategic-merge-patch+json"),
    ("PATCH", f"{_IN}/pods/first/ephemeralcontainers", "application/strategic-merge-patch+json"),
    ("POST", f"{_IN}/pods/first/eviction", _JSON),
    ("POST", f"{_IN}/serviceaccounts/default/token", _JSON),
)
_FIRST: tuple[tuple[str, dict[str, Any]], ...] = (
    (f"{_IN}/serviceaccounts", {"metadata": {"name": "default"}}),
    (f"{_IN}/configmaps", {"metadata": {"name": "first"}, "data": {"a": "b"}}),
    (
        f"{_IN}/pods",
        {"metadata": {"name": "first"}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    ),
    (
        _CRDS,
        {
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [{
                    "name": "v1", "served": True, "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
                        "type": "object",
                        "x-kubernetes-validations": [
                            {"rule": "!has(self.size) || self.size < 10"}
                        ],
                        "properties": {
                            "size": {"type": "integer", "default": 1},
                            "any": {"x-kubernetes-preserve-unknown-fields": True},
                            "port": {"x-kubernetes-int-or-string": True},
                            "when": {"type": "string", "format": "date-time"},
                            "list": {
                                "type": "array", "x-kubernetes-list-type": "map",
                                "x-kubernetes-list-map-keys": ["name"],
                                "items": {
                                    "type": "object", "required": ["name"],
                                    "properties": {"name": {"type": "string", "pattern": "^a+$"}},
                                },
                            },
                        },
                    }}}},
                }],
            },
        },
    ),
)  # fmt: skip

DOORS: Mapping[str, Callable[[], Door]] = MappingProxyType({
    "json": lambda: _json,
    "yaml": lambda: _yaml,
    "protobuf": lambda: _protobuf,
    "selectors": lambda: _selectors,
    "amounts": lambda: _amounts,
    "cel": lambda: _cel,
    "paths": lambda: _paths,
    "certificates": lambda: _certificates,
    "frames": lambda: _frames,
    "requests": RequestDoor,
})  # fmt: skip
