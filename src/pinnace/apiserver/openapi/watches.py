"""The deprecated `/watch/` paths, which some generated clients still have methods for."""

from collections.abc import Iterator

from pinnace.api.resources import Resource
from pinnace.apiserver.openapi.operations import LIST_QUERY, STREAM_TYPES, Naming, Operation

_EVENT = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"
_INSTEAD = "deprecated: use the 'watch' parameter with a list operation instead"
_MANY = "watch individual changes to a list of {kind}. " + _INSTEAD + "."
_ONE = (
    "watch changes to an object of kind {kind}. "
    + _INSTEAD
    + ", filtered to a single item with the 'fieldSelector' parameter."
)


def watches(row: Resource) -> Iterator[Operation]:
    """Yield the operations below `/watch/` of a row."""
    if "watch" not in row.verbs:
        return
    naming = Naming(row)
    own = f"watch{naming.base}{naming.scope}{row.kind}"
    places = [(row.url(namespace="{namespace}"), f"{own}List", "watchlist", _MANY)]
    if row.namespaced:
        everywhere = f"watch{naming.base}{row.kind}ListForAllNamespaces"
        places.append((row.url(), everywhere, "watchlist", _MANY))
    if "get" in row.verbs:
        places.append((row.url(namespace="{namespace}", name="{name}"), own, "watch", _ONE))
    for path, named, action, sentence in places:
        yield Operation(
            path=f"{row.path}/watch{path.removeprefix(row.path)}",
            method="get",
            id=named,
            tag=naming.tag,
            description=sentence.format(kind=row.kind),
            action=action,
            kind=(row.group, row.version, row.kind),
            query=LIST_QUERY,
            answer=_EVENT,
            answer_types=STREAM_TYPES,
        )
