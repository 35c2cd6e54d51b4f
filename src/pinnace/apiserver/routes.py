"""What a request is about: which rows are served, and a path and method read against them."""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from pinnace.api.errors import BadRequest, MethodNotAllowed, NotFound, not_found
from pinnace.api.resources import Resource
from pinnace.api.selectors import parse_field_selector
from pinnace.api.wire import Request

_VERBS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
# Under namespaces/<name>/ these are subresources of the namespace and not resources in it.
_PREFIXES = ("watch", "proxy")
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_PREFIXES = ("watch", "proxy")
NOT_FOUND = "the server could not find the requested resource"
NOT_ALLOWED = "the server does not allow this method on the requested resource"
_FALSE = ("false", "0")
_PROXIED = re.compile(
    r"/api/v1/(?:namespaces/[^/]+/(?:pods|services)|nodes)/[^/]+/proxy(?:/.*)?", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """A request as authorization sees it.

    `resource` is empty for paths that are no resource's. `subpath` is what follows the
    subresource, with its slash, as the proxy subresources have it. `field_selector` has the terms
    `field=value` that a list, watch or deletecollection is limited to.
    """

    verb: str
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    subpath: str = ""
    field_selector: tuple[tuple[str, str], ...] = ()


def is_true(request: Request, name: str) -> bool:
    """Say whether a boolean query parameter is set, as upstream converts it."""
    values = request.query.get(name)
    return values is not None and values[0].lower() not in _FALSE


def is_proxied(path: str) -> bool:
    """Say whether a request is passed on, so that its body is nothing to be read here."""
    return _PROXIED.fullmatch(path) is not None


def parse(request: Request) -> RequestInfo:
    """Read the path and method of a request."""
    path = request.path
    parts = path.removeprefix("/").rstrip("/").split("/")
    rest: list[str]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return _plain(request)
    # A method without a verb can be passed on to what is proxied; nothing else takes it.
    verb = _VERBS.get(request.method, "")
    watching = rest[0] == "watch" and len(rest) > 1
    if watching:
        rest = rest[1:]
    namespace, rest = _namespace(rest)
    if parts[-3:-1] == ["namespaces", ""] and len(rest) == 1:
        parts = rest  # an empty namespace is every namespace
    if "" in (*parts[: len(parts) - len(rest)], *rest[:3]):
        # Empty segments are no resource's, as upstream's router sees it.
        return _plain(request)
    resource, name, subresource = [*rest, "", "", ""][:3]
    verb = _collection_verb(verb, name, request, watching=watching)
    selected: tuple[tuple[str, str], ...] = ()
    if not name and verb in ("list", "watch", "deletecollection"):
        selected = _selected(request)
        # Rules for single names apply to who asks for one by selector.
        name = dict(selected).get("metadata.name", "")
    return RequestInfo(
        verb=verb,
        path=path,
        group=group,
        version=version,
        namespace=namespace,
        resource=resource,
        subresource=subresource,
        name=name,
        subpath=_subpath(path, rest),
        field_selector=selected,
    )


def is_nameless(info: RequestInfo) -> bool:
    """Say whether a path has one of the old prefixes of verbs and then nothing."""
    return info.resource in _PREFIXES and not (info.name or info.namespace)


def check_scope(row: Resource, info: RequestInfo) -> None:
    """Raise NotFound or MethodNotAllowed for a path that upstream's router does not have.

    This is more than good manners: a cluster-wide kind below a namespace would be authorized by
    the rules of that namespace, and then be found without it.
    """
    in_namespace = bool(info.namespace)
    if (row.group, row.plural) == ("", "namespaces"):
        in_namespace = info.namespace not in ("", info.name)
    everywhere = info.verb in ("list", "watch", "deletecollection") and not info.subresource
    named = bool(info.name) and not everywhere
    stray = info.subpath.strip("/") and info.subresource != "proxy"
    if (in_namespace and not row.namespaced) or stray:
        raise NotFound(NOT_FOUND, details={})
    if row.namespaced and not in_namespace and info.verb not in ("list", "watch"):
        raise (
            NotFound(NOT_FOUND, details={}) if named else MethodNotAllowed(NOT_ALLOWED, details={})
        )
    if not info.subresource and not everywhere and named == (info.verb == "create"):
        raise MethodNotAllowed(NOT_ALLOWED, details={})


def check_custom(row: Resource, info: RequestInfo) -> bool:
    """Say whether a path of a custom resource exists; raises for verbs and parts that do not."""
    if bool(info.namespace) != row.namespaced and (
        info.namespace or info.verb not in ("list", "watch")
    ):
        return False
    if info.subresource and row.subresource(info.subresource) is None:
        raise not_found(row.plural, row.group, info.name)
    if not info.name and info.verb in ("update", "patch"):
        raise BadRequest("name must be provided")
    return True


def check_segment(name: str) -> None:
    """Raise BadRequest for a name that cannot be a segment of a path."""
    why = [f"may not be '{name}'"] if name in (".", "..") else []
    why += [f"may not contain '{letter}'" for letter in "/%" if letter in name]
    if why:
        raise BadRequest(f'Name parameter invalid: "{name}": {";".join(why)}')


def _plain(request: Request) -> RequestInfo:
    return RequestInfo(verb=request.method.lower(), path=request.path)


def _namespace(rest: list[str]) -> tuple[str, list[str]]:
    if rest[0] != "namespaces" or len(rest) == 1:
        return "", rest
    # A namespace itself counts as being in itself, as upstream's authorizers expect.
    if len(rest) == 2 or (len(rest) == 3 and rest[2] in _NAMESPACE_SUBRESOURCES):
        return rest[1], rest
    return rest[1], rest[2:]


def _collection_verb(verb: str, name: str, request: Request, *, watching: bool) -> str:
    if watching:
        return "watch"
    if verb == "get" and not name:
        return "watch" if is_true(request, "watch") else "list"
    if verb == "delete" and not name:
        return "deletecollection"
    return verb


def _selected(request: Request) -> tuple[tuple[str, str], ...]:
    """Return the `field=value` terms of the field selector; the verb itself refuses a wrong one."""
    text = request.param("fieldSelector")
    if not text:
        return ()
    try:
        terms = parse_field_selector(text).terms
    except BadRequest:
        return ()
    return tuple((field, value) for field, operator, value in terms if operator == "=")


def _subpath(path: str, rest: list[str]) -> str:
    if len(rest) < 3:
        return ""
    marker = "/".join(rest[:3])
    return path[path.index(marker) + len(marker) :]


class Rows:
    """The rows that are served now; of those in `unserved` only the stored versions are known."""

    def __init__(
        self, rows: Iterable[Resource], unserved: Container[tuple[str, str, str]] = ()
    ) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._stored: dict[tuple[str, str], Resource] = {}
        self._versions: Counter[tuple[str, str]] = Counter()
        for row in rows:
            self.add(row, served=(row.group, row.version, row.plural) not in unserved)

    def add(self, row: Resource, *, served: bool = True) -> None:
        """Serve a row, or only know of it as the version in which another is stored."""
        if served:
            self._by_path[row.group, row.version, row.plural] = row
            self._versions[row.group, row.version] += row.custom is None
        if row.prefix and row.storage == row.group_version:
            self._stored[row.prefix, row.kind] = row

    def remove(self, row: Resource) -> None:
        """Serve a row no more."""
        if self._by_path.pop((row.group, row.version, row.plural), None) is not None:
            self._versions[row.group, row.version] -= row.custom is None
        if self._stored.get((row.prefix, row.kind)) is row:
            del self._stored[row.prefix, row.kind]

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the row of a resource, or None."""
        return self._by_path.get((group, version, plural))

    def serves(self, group: str, version: str) -> bool:
        """Say whether any built-in resource of this version is served."""
        return self._versions[group, version] > 0

    def storage_row(self, row: Resource) -> Resource:
        """Return the row in whose version objects of this one are stored."""
        return self._stored.get((row.prefix, row.kind), row)

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._by_path.values()))
