"""What a server warns of, as the Warning headers of its answer, one for each text.

Texts that no header can carry are left out. Together they hold 4096 letters; if there are more,
each is cut to 256 and what still is too much is left out.
"""

import unicodedata
from collections.abc import Iterable

_ALL = 4 * 1024
_ONE = 256


def warning_headers(texts: Iterable[str]) -> list[str]:
    """Return the value of each header, none if there is nothing to say."""
    kept = [text for text in dict.fromkeys(texts) if text and not _has_controls(text)]
    if sum(map(len, kept)) > _ALL:
        kept = list(_cut(kept))
    return [_quoted(text) for text in kept]


def _cut(texts: Iterable[str]) -> Iterable[str]:
    written = 0
    for text in texts:
        if written >= _ALL:
            return
        written += min(len(text), _ONE)
        yield text[:_ONE]


def _has_controls(text: str) -> bool:
    return not text.isprintable() and any(unicodedata.category(one) in ("Cc", "Cs") for one in text)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{escaped}"'
