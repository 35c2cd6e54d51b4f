"""YAML bodies, read as sigs.k8s.io/yaml reads them: libyaml's parser with Go's resolvers.

Go's yaml.v2 follows YAML 1.1 in that y, yes and on are true, but knows no base-60 numbers, and
leaves dates as text. The result is what JSON can carry. Documents that grow too much by aliases
are refused by the same ratio as upstream.
"""

import math
import re
from contextlib import suppress
from typing import Any

import orjson
import yaml
from yaml._yaml import CParser

from pinnace.api.codec.json import as_object, go_name
from pinnace.api.errors import BadRequest
from pinnace.api.gotext import syntax
from pinnace.api.objects import Object

_TAG = "tag:yaml.org,2002:"
_PLAIN = "plain"
_STRING = f"{_TAG}str"
_MERGE = f"{_TAG}merge"
_WORDS: dict[str, Any] = {
    **{text: True for word in ("y", "yes", "true", "on") for text in
       (word, word.title(), word.upper())},
    **{text: False for word in ("n", "no", "false", "off") for text in
       (word, word.title(), word.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}  # fmt: skip
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INTEGERS = (
    (re.compile(r"([-+]?)(0|[1-9][0-9]*)", re.ASCII), 10),
    (re.compile(r"([-+]?)0[xX]([0-9a-fA-F]+)", re.ASCII), 16),
    (re.compile(r"([-+]?)0[bB]([01]+)", re.ASCII), 2),
    (re.compile(r"([-+]?)0[oO]?([0-7]+)", re.ASCII), 8),
)
_NUMBERS = re.compile(rb"[:\[,]\s*-?\d(?:\d{15}|\d*[.eE])")
# Longer texts than these are no keys to YAML.
_LONG = re.compile(rb'"[^"]{1000}')
_NAME = re.compile(r"[&*]([^\s,\[\]{}]+)")
_UNACCEPTABLE = re.compile(r"^unacceptable character #x[0-9a-f]+: ")
# Deeper documents are refused before Python's own stack would end.
_DEPTH = 150
_TOO_DEEP = "yaml: exceeded max depth of 10000"


class _Loader(CParser):
    """libyaml's parser and composer, which tags plain scalars for us to resolve."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: Any) -> str:
        """Tag a node that has no explicit tag."""
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _STRING
        return ""

    def descend_resolver(self, parent: Any, index: Any) -> None:
        """Refuse what is too deep here: the composer recurses in C, where a stack's end kills."""
        self._depth = getattr(self, "_depth", 0) + 1
        if self._depth > _DEPTH + 2:
            raise BadRequest(_TOO_DEEP)

    def ascend_resolver(self) -> None:
        """Come up again."""
        self._depth -= 1


def decode(body: bytes) -> Object:
    """Read the first document of a YAML body; raises BadRequest."""
    if _reads_as_json(body):
        with suppress(orjson.JSONDecodeError):
            return as_object(orjson.loads(body))
    return decode_strict(body)[0]


def _reads_as_json(body: bytes) -> bool:
    """Say whether, if this is JSON as clients mostly send it, both codecs read the same from it.

    They differ in numbers with a fraction, or of more digits than a double has.
    """
    simple = body.startswith(b"{") and body.isascii()
    shallow = body.count(b"{") + body.count(b"[") <= _DEPTH
    return simple and shallow and _NUMBERS.search(body) is None


def _as_json(body: bytes) -> Object | None:
    """Return what a body is as JSON, if YAML is surely the same and has nothing to say of its keys.

    A key that came twice is missed, with the colon that it brought.
    """
    if not _reads_as_json(body) or b"\\" in body or _LONG.search(body) is not None:
        return None
    with suppress(orjson.JSONDecodeError):
        value: Object = orjson.loads(body)
        return value if orjson.dumps(value).count(b":") == body.count(b":") else None
    return None


def decode_document(body: bytes) -> tuple[Object, list[str]]:
    """Read the first document of any shape that must be a map, and what is said of repeated keys.

    Raises BadRequest with the words of sigs.k8s.io/yaml.
    """
    quickly = _as_json(body)
    if quickly is not None:
        return quickly, []
    try:
        value, repeated = _read(body)
    except BadRequest as error:
        raise BadRequest(f"error converting YAML to JSON: {error.message}") from None
    if value is not None and not isinstance(value, dict):
        raise BadRequest(
            f"error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {go_name(value)}"
            " into Go value of type map[string]interface {}"
        )
    return value or {}, repeated


def decode_strict(body: bytes) -> tuple[Object, list[str]]:
    """Read the first document; also return upstream's complaint about repeated keys, if any."""
    value, repeated = _read(body)
    said = ["yaml: unmarshal errors:\n  " + "\n  ".join(repeated)] if repeated else []
    return as_object(value), said


def single_errors(text: str) -> list[str]:
    """Split a complaint on several repeated keys, as warnings give them; others stay whole."""
    head = "yaml: unmarshal errors:\n  "
    return text.removeprefix(head).split("\n  ") if text.startswith(head) else [text]


def _read(body: bytes) -> tuple[Any, list[str]]:
    reader = _Reader(body)
    try:
        loader = _Loader(body)
        node = loader.get_node() if loader.check_node() else None
    except yaml.MarkedYAMLError as error:
        raise BadRequest(_syntax_error(body, error)) from None
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        why = str(error).splitlines()[0]
        raise BadRequest(f"yaml: {_UNACCEPTABLE.sub('', why)}") from None
    value = reader.read(node, 0) if node is not None else None
    return value, reader.repeated


def encode(obj: Any) -> bytes:
    """Write YAML with sorted keys, as sigs.k8s.io/yaml does."""
    text = yaml.dump(obj, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, width=2**30)
    return str(text).encode()


class _Dumper(yaml.CSafeDumper):
    """Quotes what Go's resolvers would take for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:
        """JSON has no aliases, so each copy is written out."""
        return True


def _represent_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    if "\n" in value:
        return dumper.represent_scalar(_STRING, value, style="|")
    plain = isinstance(resolve(value), str)
    return dumper.represent_scalar(_STRING, value, style=None if plain else '"')


_Dumper.add_representer(str, _represent_text)


def resolve(text: str) -> Any:
    """Return the value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first == ".":
        return _float(text) if _FLOAT.fullmatch(text) else text
    if not (first.isascii() and first.isdigit()) and first not in "+-":
        return text
    if _TIMESTAMP.fullmatch(text):
        return text
    plain = text.replace("_", "")
    for pattern, base in _INTEGERS:
        match = pattern.fullmatch(plain)
        if match is not None and len(plain) < 80:
            number = int(match[1] + match[2], base)
            if -(2**63) <= number < 2**64:
                return number
            break
    return _float(plain, text) if _FLOAT.fullmatch(plain) else text


def _float(plain: str, text: str = "") -> Any:
    """Return a float, whole ones as integers since JSON writes them so."""
    number = float(plain)
    if math.isinf(number):
        return text or plain
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


class _Reader:
    """Turns nodes into values, counting what aliases bring in."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.repeated: list[str] = []
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self._count = 0
        self._aliased = 0
        self._alias_depth = 0

    def read(self, node: yaml.Node, depth: int) -> Any:
        """Return the value of a node; raises BadRequest."""
        again = id(node) in self._seen
        self._check_growth(node, depth)
        self._seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self._open.add(id(node))
        self._alias_depth += again
        if isinstance(node, yaml.SequenceNode):
            value: Any = [self.read(child, depth + 1) for child in node.value]
        else:
            value = self._mapping(node.value, depth)
        self._alias_depth -= again
        self._open.discard(id(node))
        return value

    def _check_growth(self, node: yaml.Node, depth: int) -> None:
        if id(node) in self._open:
            name = _name_at(self._body, node.start_mark)
            raise BadRequest(f"yaml: anchor '{name}' value contains itself")
        if depth > _DEPTH:
            raise BadRequest(_TOO_DEEP)
        self._count += 1
        if self._alias_depth:
            self._aliased += 1
        if self._aliased > 100 and self._count > 1000:
            grown = min(max(self._count - 400_000, 0) / 3_600_000, 1.0)
            if self._aliased / self._count > 0.99 - 0.89 * grown:
                raise BadRequest("yaml: document contains excessive aliasing")

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag == _STRING:
            return node.value
        value = resolve(node.value)
        if isinstance(value, float) and not math.isfinite(value):
            shown = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
            raise BadRequest(f"json: unsupported value: {shown}")
        if node.tag in (_PLAIN, f"{_TAG}{_kind(value)}") or node.tag.startswith("!"):
            return value if node.tag == _PLAIN or not node.tag.startswith("!") else node.value
        if node.tag == f"{_TAG}float" and isinstance(value, int):
            return value
        wanted = node.tag.removeprefix(_TAG)
        raise BadRequest(f"yaml: cannot decode !!{_kind(value)} `{node.value}` as a !!{wanted}")

    def _mapping(self, pairs: list[Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in pairs:
            if key_node.tag == _MERGE or (key_node.tag == _PLAIN and key_node.value == "<<"):
                merged.update(self._merge(value_node, depth))
                continue
            key = self._key(key_node, depth)
            if key in result:
                line = value_node.start_mark.line + 1
                self.repeated.append(f'line {line}: key "{key}" already set in map')
            result[key] = self.read(value_node, depth + 1)
        return {**merged, **result} if merged else result

    def _merge(self, node: yaml.Node, depth: int) -> dict[str, Any]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Any] = {}
        for part in reversed(parts):
            if not isinstance(part, yaml.MappingNode):
                raise BadRequest("yaml: map merge requires map or sequence of maps as the value")
            merged.update(self.read(part, depth + 1))
        return merged

    def _key(self, node: yaml.Node, depth: int) -> str:
        key = self.read(node, depth + 1)
        if isinstance(key, bool):
            return "true" if key else "false"
        if isinstance(key, (str, int, float)):
            return str(key)
        raise BadRequest(f"yaml: invalid map key: {syntax(key)}")


def _kind(value: Any) -> str:
    names = {bool: "bool", int: "int", float: "float", type(None): "null"}
    return names.get(type(value), "str")


def _name_at(body: bytes, mark: Any) -> str:
    """Return the name of the anchor or alias at a place."""
    found = _NAME.match(body.decode("utf-8", "replace"), mark.index)
    return found[1] if found is not None else ""


def _syntax_error(body: bytes, error: yaml.MarkedYAMLError) -> str:
    if error.problem == "found undefined alias":
        return f"yaml: unknown anchor '{_name_at(body, error.problem_mark)}' referenced"
    line = 0
    if error.problem_mark is not None and error.problem_mark.line:
        line = error.problem_mark.line + isinstance(error, yaml.scanner.ScannerError)
    elif error.context_mark is not None:
        line = error.context_mark.line
    where = f"line {line}: " if line else ""
    return f"yaml: {where}{error.problem}"
