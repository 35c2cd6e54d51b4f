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
def negotiate(text: str, *, shapes: tuple[str, ...] = ()) -> Accepted:
    """Return the first clause that can be satisfied; raises NotAcceptable if there is none.

    Protobuf, which costs a decoding here, is for those who accept nothing else.
    """
    if not text.strip():
        return Accepted()
    clauses = _clauses(text)
    found = _first(clauses, (JSON, YAML), shapes)
    # A Table has no protobuf message.
    found = found or _first(clauses, (PROTOBUF,), tuple(s for s in shapes if s != "Table"))
    if found is None:
        raise not_acceptable((JSON, YAML, PROTOBUF))
    return found


def _first(
    clauses: list[_Clause], offered: tuple[str, ...], shapes: tuple[str, ...]
) -> Accepted | None:
    for clause in clauses:
        media = _media(clause, offered)
        if not media:
            continue
        shape = clause.parameters.get("as", "")
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
