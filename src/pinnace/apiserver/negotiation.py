"""Which form of an answer the client wants: its Accept header read as upstream reads it."""

from dataclasses import dataclass
from functools import lru_cache

from pinnace.api.errors import NotAcceptable
from pinnace.api.wire import Request

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
DISCOVERY_GROUP, DISCOVERY_VERSION = "apidiscovery.k8s.io", "v2"
DISCOVERY_KIND = "APIGroupDiscoveryList"
OFFERED = (JSON, YAML, PROTOBUF)
OFFERED_STREAMS = (*OFFERED, f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
_META = "meta.k8s.io"
# Nobody has more to say of what he accepts, and bringing clauses into their order takes time.
_LONGEST, _MOST = 4096, 64
_META_VERSIONS = ("v1", "v1beta1")
# What Go reads as true.
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_PRETTY_AGENTS = ("curl", "Wget", "Mozilla/5.0")


@dataclass(frozen=True, slots=True)
class Accepted:
    """One clause of an Accept header that the server can satisfy.

    `shape` is empty for whole objects, else Table, PartialObjectMetadata or
    PartialObjectMetadataList, in `version` of meta.k8s.io.
    """

    media: str = JSON
    shape: str = ""
    version: str = ""
    pretty: bool = False

    @property
    def content_type(self) -> str:
        """The Content-Type of the answer."""
        return self.media


@dataclass(frozen=True, slots=True)
class _Clause:
    type: str
    subtype: str
    parameters: dict[str, str]
    quality: float

    def is_before(self, other: "_Clause") -> bool:
        """Say whether this clause is tried first: upstream's order, which is no order of numbers.

        A wildcard comes after what is named, whatever their qualities.
        """
        return (
            self.quality > other.quality
            or (self.type != "*" and other.type == "*")
            or (self.subtype != "*" and other.subtype == "*")
        )


def _clauses(text: str) -> list[_Clause]:
    found: list[_Clause] = []
    for part in text[:_LONGEST].split(",", _MOST)[:_MOST]:
        clause = _clause(part)
        if clause is None:
            continue
        # The order is not transitive, so how it is sorted matters: one by one, from the right.
        at = len(found)
        while at and clause.is_before(found[at - 1]):
            at -= 1
        found.insert(at, clause)
    return found


def _clause(part: str) -> _Clause | None:
    media, *rest = part.strip(" ").split(";")
    kind, slash, subtype = media.strip(" ").partition("/")
    if not slash and kind == "*":
        subtype = "*"
    if not subtype or "/" in subtype:
        return None
    parameters, quality = {}, 1.0
    for piece in rest:
        name, _, value = piece.partition("=")
        if not value or "=" in value:
            continue
        if name.strip(" ") == "q":
            quality = _quality(value)
        else:
            parameters[name.strip(" ")] = value.strip(" ")
    return _Clause(kind.strip(" "), subtype.strip(" "), parameters, quality)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _media(clause: _Clause, offered: tuple[str, ...]) -> tuple[str, ...]:
    """Return what of the offered a clause matches, best first."""
    if clause.type == clause.subtype == "*":
        return offered
    if clause.subtype == "*":
        return tuple(media for media in offered if media.startswith(f"{clause.type}/"))
    media = f"{clause.type}/{clause.subtype}"
    return (media,) if media in offered else ()


def negotiate(text: str, *, shapes: tuple[str, ...] = (), message: bool = True) -> Accepted:
    """Return the first clause that can be satisfied; raises NotAcceptable if there is none.

    `message` says whether whole objects of this kind can be had as protobuf.
    """
    return _negotiated(text[:_LONGEST], shapes=shapes, message=message)


@lru_cache(maxsize=512)
def _negotiated(text: str, *, shapes: tuple[str, ...], message: bool) -> Accepted:
    if not text:
        return Accepted()
    found = _first(_clauses(text), shapes, message=message)
    if found is None:
        raise not_acceptable(OFFERED)
    return found


def _first(clauses: list[_Clause], shapes: tuple[str, ...], *, message: bool) -> Accepted | None:
    # Metadata is a message whatever it is of, and a Table never.
    messages = {"": message, "Table": False}
    for clause in clauses:
        shape = {name: clause.parameters.get(name, "") for name in ("as", "g", "v")}
        plain = not shape.keys() & clause.parameters.keys()
        known = shape["as"] in shapes and shape["g"] == _META and shape["v"] in _META_VERSIONS
        if not (plain or known) or clause.parameters.get("stream", "watch") != "watch":
            continue
        pretty = clause.parameters.get("pretty") == "1"
        offered = OFFERED if messages.get(shape["as"], True) else (JSON, YAML)
        for media in _media(clause, offered):
            return Accepted(media, shape["as"], shape["v"], pretty=pretty)
    return None


def negotiate_discovery(text: str) -> Accepted | None:
    """Return in which form a client wants aggregated discovery; None if it wants the legacy one.

    Where aggregated discovery can be had at all, it goes before clauses without it.
    """
    for clause in _clauses(text):
        parameters = clause.parameters
        if (
            parameters.get("g") == DISCOVERY_GROUP
            and parameters.get("v") == DISCOVERY_VERSION
            and parameters.get("as") == DISCOVERY_KIND
        ):
            for media in _media(clause, OFFERED):
                return Accepted(media, DISCOVERY_KIND, DISCOVERY_VERSION)
    return None


def names_any(text: str, offered: tuple[str, ...]) -> bool:
    """Say whether an Accept header names one of the media types, whatever else it asks of it."""
    return not text or any(_media(clause, offered) for clause in _clauses(text))


@lru_cache(maxsize=512)
def _names_plain(text: str, offered: tuple[str, ...]) -> bool:
    return names_any(text, tuple(dict.fromkeys(media.partition(";")[0] for media in offered)))


def check_named(text: str, offered: tuple[str, ...]) -> None:
    """Raise the NotAcceptable of upstream's router, which looks at nothing but media types."""
    if not _names_plain(text[:_LONGEST], offered):
        representations = ", ".join(offered)
        raise NotAcceptable(
            f"406: Not Acceptable\n\nAvailable representations: {representations}", details={}
        )


def not_acceptable(offered: tuple[str, ...]) -> NotAcceptable:
    """Return upstream's 406."""
    return NotAcceptable("only the following media types are accepted: " + ", ".join(offered))


def wants_pretty(request: Request, wanted: Accepted | None = None) -> bool:
    """Say whether the answer is indented: asked for, or the client looks like a human's."""
    if wanted is not None and wanted.pretty:
        return True
    pretty = request.param("pretty")
    if pretty:
        return pretty in _TRUE
    return request.headers.get("user-agent", "").startswith(_PRETTY_AGENTS)
