"""Values as Go prints them, where upstream's messages contain them so."""

from collections.abc import Iterable, Mapping
from typing import Any


def slice_text(texts: Iterable[str]) -> str:
    """Write a slice of strings as `%v` prints it: `[a b]`."""
    return "[" + " ".join(texts) + "]"


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
