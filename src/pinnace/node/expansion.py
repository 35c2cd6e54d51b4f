"""`$(NAME)` references, as in env values, commands, arguments and subPathExpr. Pure."""

from collections.abc import Callable, Mapping


def expand(text: str, lookup: Callable[[str], str | None]) -> str:
    """Replace `$(NAME)` by its value; `$$` escapes, and an unknown name stays as written."""
    out: list[str] = []
    at = 0
    while at < len(text):
        here = text[at]
        if here != "$" or at + 1 == len(text):
            out.append(here)
            at += 1
            continue
        follows = text[at + 1]
        closing = text.find(")", at + 2) if follows == "(" else -1
        if closing >= 0:
            name = text[at + 2 : closing]
            value = lookup(name)
            out.append(f"$({name})" if value is None else value)
            at = closing + 1
        else:
            # An escaped operator gives one; anything else is no expression and stays.
            out.append("$" if follows == "$" else "$" + follows)
            at += 2
    return "".join(out)


def expand_all(texts: list[str], values: Mapping[str, str]) -> list[str]:
    """Expand each text."""
    return [expand(text, values.get) for text in texts]
