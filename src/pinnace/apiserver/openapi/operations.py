"""The operations that rows give rise to: methods, parameters, bodies and answers.

An `Operation` is the same for both versions of OpenAPI; `render_v3` and `render_v2` write it down.
kubectl reads from them which query parameters a kind's PATCH takes, and other clients are generated
from them. The deprecated `/watch/` paths are in `watches.py`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.api.resources import Resource, Subresource
from pinnace.apiserver.openapi.schemas import V2, V3
from pinnace.apiserver.openapi.words import PARAMETERS

_DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_PATCH = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
_STATUS = "io.k8s.apimachinery.pkg.apis.meta.v1.Status"

_ANY = ("*/*",)
OBJECT_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
STREAM_TYPES = (
    *OBJECT_TYPES,
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
)
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)

_TYPES = {
    "allowWatchBookmarks": "boolean",
    "follow": "boolean",
    "force": "boolean",
    "gracePeriodSeconds": "integer",
    "ignoreStoreReadErrorWithClusterBreakingPotential": "boolean",
    "insecureSkipTLSVerifyBackend": "boolean",
    "limit": "integer",
    "limitBytes": "integer",
    "orphanDependents": "boolean",
    "ports": "integer",
    "previous": "boolean",
    "sendInitialEvents": "boolean",
    "sinceSeconds": "integer",
    "stderr": "boolean",
    "stdin": "boolean",
    "stdout": "boolean",
    "tailLines": "integer",
    "timeoutSeconds": "integer",
    "timestamps": "boolean",
    "tty": "boolean",
    "watch": "boolean",
}
LIST_QUERY = (
    "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit",
    "resourceVersion", "resourceVersionMatch", "sendInitialEvents", "shardSelector",
    "timeoutSeconds", "watch",
)  # fmt: skip
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = (
    "dryRun", "gracePeriodSeconds", "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents", "propagationPolicy",
)  # fmt: skip
_DELETE_COLLECTION = tuple(sorted({*_DELETE, *LIST_QUERY} - {"allowWatchBookmarks", "watch"}))
_CONNECT = {
    "exec": ("command", "container", "stderr", "stdin", "stdout", "tty"),
    "attach": ("container", "stderr", "stdin", "stdout", "tty"),
    "portforward": ("ports",),
    "proxy": ("path",),
}
_LOG = (
    "container", "follow", "insecureSkipTLSVerifyBackend", "limitBytes", "previous", "sinceSeconds",
    "stream", "tailLines", "timestamps",
)  # fmt: skip
_BETWEEN_WORDS = re.compile("[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class _Verb:
    """How one verb looks on the wire: its words in the operation's id and description."""

    method: str
    action: str
    word: str
    query: tuple[str, ...]
    codes: tuple[int, ...] = (200,)
    middle: str = ""


_COLLECTION = {
    "deletecollection": _Verb(
        "delete", "deletecollection", "delete", _DELETE_COLLECTION, middle="Collection"
    ),
    "list": _Verb("get", "list", "list", LIST_QUERY),
    "create": _Verb("post", "post", "create", _WRITE, (200, 201, 202)),
}
_ITEM = {
    "delete": _Verb("delete", "delete", "delete", _DELETE, (200, 202)),
    "get": _Verb("get", "get", "read", ()),
    "patch": _Verb("patch", "patch", "patch", (*_WRITE, "force"), (200, 201)),
    "update": _Verb("put", "put", "replace", _WRITE, (200, 201)),
    "create": _Verb("post", "post", "create", _WRITE, (200, 201, 202)),
}
_SENTENCES = {
    "list": "list or watch objects of kind {kind}",
    "create": "create {a} {kind}",
    "deletecollection": "delete collection of {kind}",
    "delete": "delete {a} {kind}",
    "get": "read the specified {kind}",
    "patch": "partially update the specified {kind}",
    "update": "replace the specified {kind}",
}
_SUB_SENTENCES = {
    "create": "create {sub} of {a} {kind}",
    "delete": "delete {sub} of {a} {kind}",
    "get": "read {sub} of the specified {kind}",
    "patch": "partially update {sub} of the specified {kind}",
    "update": "replace {sub} of the specified {kind}",
}


# Their DELETE answers with the object, that of all others with a Status.
_ANSWER_WITH_OBJECT = frozenset({
    "CSIDriver", "CSINode", "DeviceClass", "DeviceTaintRule", "PersistentVolume",
    "PersistentVolumeClaim", "Pod", "PodTemplate", "ResourceClaim", "ResourceClaimTemplate",
    "ResourcePoolStatusRequest", "ResourceQuota", "ResourceSlice", "Service", "ServiceAccount",
    "StorageClass", "VolumeAttachment", "VolumeAttributesClass",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method on one path. Empty `answer` means a plain string."""

    path: str
    method: str
    id: str
    tag: str
    description: str
    action: str = ""
    kind: tuple[str, str, str] | None = None
    query: tuple[str, ...] = ()
    body: str = ""
    body_types: tuple[str, ...] = _ANY
    body_required: bool = True
    answer: str = ""
    answer_types: tuple[str, ...] = OBJECT_TYPES
    codes: tuple[int, ...] = (200,)

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """The names in braces in the path."""
        parts = self.path.split("/")
        return tuple(sorted(part[1:-1] for part in parts if part.startswith("{")))


class Naming:
    """The names that a row's operations and definitions bear."""

    def __init__(self, row: Resource) -> None:
        words = _BETWEEN_WORDS.split(row.group.removesuffix(".k8s.io") or "core")
        camel = "".join(word[:1].upper() + word[1:] for word in words)
        self.group = camel
        self.base = camel + row.version[:1].upper() + row.version[1:]
        self.tag = f"{camel[:1].lower()}{camel[1:]}_{row.version}"
        self.scope = "Namespaced" if row.namespaced else ""


def root(row: Resource) -> Operation:
    """Return the operation that lists the resources of a row's group version."""
    naming = Naming(row)
    return Operation(
        path=f"{row.path}/",
        method="get",
        id=f"get{naming.base}APIResources",
        tag=naming.tag,
        description="get available resources",
        answer="io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList",
    )


def operations(row: Resource, names: Mapping[tuple[str, str, str], str]) -> Iterator[Operation]:
    """Yield all operations of a row; `names` gives the definition of each kind."""
    naming = Naming(row)
    kind = (row.group, row.version, row.kind)
    own = names.get(kind, "")
    listed = names.get((row.group, row.version, row.list_kind), "")
    collection = row.url(namespace="{namespace}")
    for verb, look in _COLLECTION.items():
        if verb in row.verbs:
            answer = {"list": listed, "deletecollection": _STATUS}.get(verb, own)
            yield _operation(row, naming, verb, look, collection, kind, own, answer)
    if row.namespaced and "list" in row.verbs:
        yield Operation(
            path=row.url(),
            method="get",
            id=f"list{naming.base}{row.kind}ForAllNamespaces",
            tag=naming.tag,
            description=_SENTENCES["list"].format(kind=row.kind),
            action="list",
            kind=kind,
            query=LIST_QUERY,
            answer=listed,
            answer_types=STREAM_TYPES,
        )
    item = row.url(namespace="{namespace}", name="{name}")
    for verb, look in _ITEM.items():
        if verb in row.verbs and verb != "create":
            status = verb == "delete" and row.kind not in _ANSWER_WITH_OBJECT
            answer = _STATUS if status else own
            yield _operation(row, naming, verb, look, item, kind, own, answer)
    for sub in row.subresources:
        yield from _subresource(row, naming, sub, f"{item}/{sub.name}", names)


def _sentence(sentence: str, kind: str, sub: str) -> str:
    plural = kind.endswith("s") and not kind.endswith("ss")
    article = "" if plural else "an" if kind[0] in "AEIOU" else "a"
    return sentence.format(kind=kind, sub=sub, a=article).replace("  ", " ")


def _operation(
    row: Resource,
    naming: Naming,
    verb: str,
    look: _Verb,
    path: str,
    kind: tuple[str, str, str],
    own: str,
    answer: str,
    sub: str = "",
) -> Operation:
    suffix = sub[:1].upper() + sub[1:]
    sentences = _SUB_SENTENCES if sub else _SENTENCES
    deletes = look.method == "delete"
    body = {"patch": _PATCH, "delete": _DELETE_OPTIONS, "get": ""}.get(look.method, own)
    return Operation(
        path=path,
        method=look.method,
        id=f"{look.word}{naming.base}{look.middle}{naming.scope}{row.kind}{suffix}",
        tag=naming.tag,
        description=_sentence(sentences[verb], row.kind, sub),
        action=look.action,
        kind=kind,
        query=look.query,
        body=body,
        body_types=_PATCHES if look.method == "patch" else _ANY,
        body_required=not deletes,
        answer=answer,
        answer_types=STREAM_TYPES if verb == "list" else OBJECT_TYPES,
        codes=look.codes,
    )


def _subresource(
    row: Resource,
    naming: Naming,
    sub: Subresource,
    path: str,
    names: Mapping[tuple[str, str, str], str],
) -> Iterator[Operation]:
    kind = (sub.group, sub.version, sub.kind) if sub.version else (row.group, row.version, sub.kind)
    if sub.name in _CONNECT:
        yield from _connect(row, naming, sub, path, kind)
        return
    own = names.get(kind, "")
    for verb, look in _ITEM.items():
        if verb not in sub.verbs:
            continue
        operation = _operation(row, naming, verb, look, path, kind, own, own, sub=sub.name)
        if sub.name == "log":
            yield Operation(
                path=path,
                method="get",
                id=operation.id,
                tag=naming.tag,
                description=operation.description,
                action="get",
                kind=kind,
                query=_LOG,
                answer_types=("text/plain", *OBJECT_TYPES),
            )
        else:
            yield operation


def _connect(
    row: Resource, naming: Naming, sub: Subresource, path: str, kind: tuple[str, str, str]
) -> Iterator[Operation]:
    suffix = sub.name[:1].upper() + sub.name[1:]
    places = [(path, suffix)]
    if sub.name == "proxy":
        places.append((f"{path}/{{path}}", f"{suffix}WithPath"))
    methods = [_ITEM[verb].method for verb in sub.verbs]
    if sub.name == "proxy":
        methods += ["head", "options"]
    for method in sorted(methods):
        for where, ending in places:
            word = method[:1].upper() + method[1:]
            yield Operation(
                path=where,
                method=method,
                id=f"connect{naming.base}{word}{naming.scope}{row.kind}{ending}",
                tag=naming.tag,
                description=f"connect {method.upper()} requests to {sub.name} of {row.kind}",
                action="connect",
                kind=kind,
                query=_CONNECT[sub.name],
                answer_types=_ANY,
            )


def _common(operation: Operation) -> dict[str, Any]:
    out: dict[str, Any] = {
        "description": operation.description,
        "operationId": operation.id,
        "tags": [operation.tag],
    }
    if operation.kind:
        group, version, kind = operation.kind
        out["x-kubernetes-action"] = operation.action
        out["x-kubernetes-group-version-kind"] = {"group": group, "kind": kind, "version": version}
    return out


_REASONS = {200: "OK", 201: "Created", 202: "Accepted"}


def render_v3(found: Iterable[Operation]) -> dict[str, Any]:
    """Return the `paths` of an OpenAPI v3 document."""
    paths: dict[str, Any] = {}
    listed = list(found)
    shared = _shared(listed)
    for operation in listed:
        at = paths.setdefault(operation.path, {})
        common = shared[operation.path]
        if parameters := _parameters_v3(operation, common):
            at["parameters"] = parameters
        out = _common(operation)
        own = [name for name in operation.query if name not in common]
        if own:
            out["parameters"] = [
                {"name": name, "in": "query", **_about(name), "schema": _scalar(name)}
                for name in own
            ]
        if operation.body:
            body = {"schema": {"$ref": V3.prefix + operation.body}}
            out["requestBody"] = {"content": dict.fromkeys(operation.body_types, body)}
            if operation.body_required:
                out["requestBody"]["required"] = True
        answer = {"$ref": V3.prefix + operation.answer} if operation.answer else {"type": "string"}
        content = {key: {"schema": answer} for key in operation.answer_types}
        out["responses"] = {
            str(code): {"description": _REASONS[code], "content": content}
            for code in operation.codes
        } | {"401": {"description": "Unauthorized"}}
        at[operation.method] = out
    return paths


def _scalar(name: str) -> dict[str, Any]:
    return {"type": _TYPES.get(name, "string"), "uniqueItems": True}


def _about(name: str) -> dict[str, str]:
    return {"description": PARAMETERS[name]} if name in PARAMETERS else {}


def _shared(found: Iterable[Operation]) -> dict[str, frozenset[str]]:
    """Return by path what all of its operations can be asked with: it is told once, at the path."""
    shared: dict[str, frozenset[str]] = {}
    for operation in found:
        before = shared.get(operation.path, frozenset(operation.query))
        shared[operation.path] = before & frozenset(operation.query)
    return shared


def _places(operation: Operation, common: frozenset[str]) -> list[tuple[str, str]]:
    """Return the names of a path's own parameters in order, and where each stands."""
    places = [(name, "path") for name in operation.path_parameters]
    places += [(name, "query") for name in common]
    if operation.action not in ("connect", ""):
        places.append(("pretty", "query"))
    return sorted(places)


def _parameters_v3(operation: Operation, common: frozenset[str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", **_about(name), "required": True, "schema": _scalar(name)}
        if where == "path"
        else {"name": name, "in": "query", **_about(name), "schema": _scalar(name)}
        for name, where in _places(operation, common)
    ]


def render_v2(found: Iterable[Operation]) -> dict[str, Any]:
    """Return the `paths` of an OpenAPI v2 document."""
    paths: dict[str, Any] = {}
    listed = list(found)
    shared = _shared(listed)
    for operation in listed:
        at = paths.setdefault(operation.path, {})
        common = shared[operation.path]
        if told := _parameters_v2(operation, common):
            at["parameters"] = told
        out = _common(operation)
        out["schemes"] = ["https"]
        if operation.body_types:
            out["consumes"] = list(operation.body_types)
        out["produces"] = list(operation.answer_types)
        parameters: list[dict[str, Any]] = []
        if operation.body:
            body = {"name": "body", "in": "body", "schema": {"$ref": V2.prefix + operation.body}}
            parameters.append(body | ({"required": True} if operation.body_required else {}))
        parameters += [
            {"name": name, "in": "query", **_about(name), **_scalar(name)}
            for name in operation.query
            if name not in common
        ]
        if parameters:
            out["parameters"] = parameters
        answer = {"$ref": V2.prefix + operation.answer} if operation.answer else {"type": "string"}
        out["responses"] = {
            str(code): {"description": _REASONS[code], "schema": answer} for code in operation.codes
        } | {"401": {"description": "Unauthorized"}}
        at[operation.method] = out
    return paths


def _parameters_v2(operation: Operation, common: frozenset[str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", **_about(name), "required": True, **_scalar(name)}
        if where == "path"
        else {"name": name, "in": "query", **_about(name), **_scalar(name)}
        for name, where in _places(operation, common)
    ]
