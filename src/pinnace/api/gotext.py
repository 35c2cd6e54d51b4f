"""Values as Go prints them, where upstream's messages contain them so."""

from collections.abc import Iterable, Mapping
from typing import Any


def slice_text(texts: Iterable[str]) -> str:
    """Write a slice of strings as `%v` prints it: `[a b]`."""
    return "[" + " ".join(texts) + "]"


def without_tags(text: str) -> str:
    """Write a text so that no browser takes it for HTML, as upstream's refusals are."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """Write a selector as `%v` prints a pointer to one."""
    if selector is None:
        return "nil"
    labels = selector.get("matchLabels") or {}
    listed = "".join(f"{name}: {labels[name]}," for name in sorted(labels))
    expressions = "".join(
        "LabelSelectorRequirement{"
        f"Key:{entry['key']},Operator:{entry['operator']},"
        f"Values:{slice_text(entry.get('values') or ())},"
        "},"
        for entry in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{listed}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def plain(value: Any) -> str:
    """Write a decoded value as `%v` prints it."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{name}:{plain(value[name])}' for name in sorted(value))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(plain, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)


def syntax(value: Any) -> str:
    """Write a decoded value as `%#v` prints it."""
    if isinstance(value, dict):
        inner = ", ".join(f'"{name}":{syntax(value[name])}' for name in sorted(value))
        return f"map[string]interface {{}}{{{inner}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(map(syntax, value))}}}"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return "interface {}(nil)" if value is None else str(value)
