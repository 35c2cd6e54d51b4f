"""Names of properties that are no identifiers of CEL, and how expressions write them."""

import re

RESERVED = frozenset(
    (
        "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import",
        "in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void",
        "while",
    )
)  # fmt: skip
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SIGNS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_BACK = {text: sign for sign, text in _SIGNS.items()}
_TO_ESCAPE = re.compile(r"__|[.\-/]")
_ESCAPED = re.compile("|".join(_BACK))


def escape(name: str) -> str | None:
    """Return a property's name as an identifier, or None if it has none."""
    if name in RESERVED:
        return f"__{name}__"
    made = _TO_ESCAPE.sub(lambda match: _SIGNS[match.group()], name)
    return made if _IDENTIFIER.fullmatch(made) else None


def unescape(name: str) -> str:
    """Return the property that an identifier means."""
    if "__" not in name:
        return name
    if name.startswith("__") and name.endswith("__") and name[2:-2] in RESERVED:
        return name[2:-2]
    return _ESCAPED.sub(lambda match: _BACK[match.group()], name)
