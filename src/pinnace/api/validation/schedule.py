"""Rules of cron schedules, in the grammar and the words of upstream's parser."""

from dataclasses import dataclass

DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class _Bounds:
    low: int
    high: int
    names: tuple[str, ...] = ()


FIELDS = (
    _Bounds(0, 59),
    _Bounds(0, 23),
    _Bounds(1, 31),
    _Bounds(1, 12, MONTHS),
    _Bounds(0, 6, DAYS),
)


def schedule_error(text: str) -> str:
    """Return what keeps a text from being a schedule, empty if it is one."""
    rest = text
    if rest.startswith(("TZ=", "CRON_TZ=")):
        rest = rest.partition(" ")[2].strip()
    if not text:
        return "empty spec string"
    if rest.startswith("@"):
        if rest in DESCRIPTORS:
            return ""
        if rest.startswith("@every "):
            return ""
        return f"unrecognized descriptor: {rest}"
    parts = rest.split()
    if len(parts) != len(FIELDS):
        listed = " ".join(parts)
        return f"expected exactly 5 fields, found {len(parts)}: [{listed}]"
    for part, bounds in zip(parts, FIELDS, strict=True):
        for piece in part.split(","):
            error = _range_error(piece, bounds) if piece else ""
            if error:
                return error
    return ""


def _range_error(piece: str, bounds: _Bounds) -> str:
    span, *steps = piece.split("/")
    low_text, *high_text = span.split("-")
    if low_text in ("*", "?"):
        low, high = bounds.low, bounds.high
    else:
        low, error = _number(low_text, bounds)
        if error:
            return error
        high = low
        if len(high_text) == 1:
            high, error = _number(high_text[0], bounds)
            if error:
                return error
        elif high_text:
            return f"too many hyphens: {piece}"
    if len(steps) > 1:
        return f"too many slashes: {piece}"
    if steps:
        step, error = _integer(steps[0])
        if error:
            return error
        if not high_text and low_text not in ("*", "?"):
            high = bounds.high
        if step == 0:
            return f"step of range should be a positive number: {piece}"
    return _bounds_error(piece, low, high, bounds)


def _bounds_error(piece: str, low: int, high: int, bounds: _Bounds) -> str:
    if low < bounds.low:
        return f"beginning of range ({low}) below minimum ({bounds.low}): {piece}"
    if high > bounds.high:
        return f"end of range ({high}) above maximum ({bounds.high}): {piece}"
    if low > high:
        return f"beginning of range ({low}) beyond end of range ({high}): {piece}"
    return ""


def _number(text: str, bounds: _Bounds) -> tuple[int, str]:
    if text.lower() in bounds.names:
        return bounds.names.index(text.lower()) + bounds.low, ""
    return _integer(text)


def _integer(text: str) -> tuple[int, str]:
    body = text[1:] if text[:1] in ("+", "-") else text
    if not body.isascii() or not body.isdecimal():
        why = f'strconv.Atoi: parsing "{text}": invalid syntax'
        return 0, f"failed to parse int from {text}: {why}"
    number = int(text)
    if number < 0:
        return 0, f"negative number ({number}) not allowed: {text}"
    return number, ""
