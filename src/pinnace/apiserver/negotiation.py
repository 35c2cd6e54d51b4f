"""Which form of an answer the client wants: its Accept header read as upstream reads it."""

from dataclasses import dataclass
from functools import lru_cache

from pinnace.api.errors import NotAcceptable
from pinnace.api.wire import Request

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
_META = "meta.k8s.io"
_META_VERSIONS = ("v1", "v1beta1")
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

    @property
    def content_type(self) -> str:
        """The Content-Type of the answer."""
        return self.media


@dataclass(frozen=True, slots=True)
class _Clause:
    media: str
    parameters: dict[str, str]
    quality: float


def _clauses(text: str) -> list[_Clause]:
    found = []
    for part in text.split(","):
        media, *rest = (piece.strip() for piece in part.split(";"))
        if not media:
            continue
        parameters = {}
        for piece in rest:
            name, _, value = piece.partition("=")
            parameters[name.strip().lower()] = value.strip().strip('"')
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 1.0
        found.append(_Clause(media.lower(), parameters, quality))
    found.sort(key=lambda clause: -clause.quality)
    return found


def _media(clause: _Clause, offered: tuple[str, ...]) -> str:
    if clause.media in ("*/*", "application/*"):
        return offered[0]
    return clause.media if clause.media in offered else ""


@lru_cache(maxsize=512)
def negotiate(text: str, *, shapes: tuple[str, ...] = (), message: bool = True) -> Accepted:
    """Return the first clause that can be satisfied; raises NotAcceptable if there is none.

    `message` says whether whole objects of this kind can be had as protobuf.
    """
    if not text.strip():
        return Accepted()
    found = _first(_clauses(text), shapes, message=message)
    if found is None:
        raise not_acceptable((JSON, YAML, PROTOBUF))
    return found


def _first(clauses: list[_Clause], shapes: tuple[str, ...], *, message: bool) -> Accepted | None:
    # Metadata is a message whatever it is of, and a Table never.
    messages = {"": message, "Table": False}
    for clause in clauses:
        shape = clause.parameters.get("as", "")
        offered = (JSON, YAML, PROTOBUF) if messages.get(shape, True) else (JSON, YAML)
        media = _media(clause, offered)
        if not media:
            continue
        if not shape:
            return Accepted(media)
        version = clause.parameters.get("v", "")
        if shape in shapes and clause.parameters.get("g") == _META and version in _META_VERSIONS:
            return Accepted(media, shape, version)
    return None


def not_acceptable(offered: tuple[str, ...]) -> NotAcceptable:
    """Return upstream's 406."""
    return NotAcceptable(
        "only the following media types are accepted: " + ", ".join(offered), details={}
    )


def wants_pretty(request: Request) -> bool:
    """Say whether the answer is indented: asked for, or the client looks like a human's."""
    pretty = request.query.get("pretty")
    if pretty is not None:
        return pretty[0].lower() in ("true", "1", "")
    return request.headers.get("user-agent", "").startswith(_PRETTY_AGENTS)
