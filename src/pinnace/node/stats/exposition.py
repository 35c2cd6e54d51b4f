"""The text in which Prometheus reads metrics, as Go's library writes it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with its samples; a time is given where the figure is not from right now."""

    name: str
    help: str
    type: str = "gauge"
    samples: list[str] = field(default_factory=list)

    def add(
        self,
        value: float | None,
        labels: Mapping[str, str] | None = None,
        at: datetime | None = None,
        *,
        suffix: str = "",
    ) -> None:
        """Add a sample; None adds nothing."""
        if value is None:
            return
        inside = ",".join(f'{name}="{escaped(text)}"' for name, text in (labels or {}).items())
        stamp = f" {int(at.timestamp() * 1000)}" if at is not None else ""
        shown = f"{{{inside}}}" if inside else ""
        self.samples.append(f"{self.name}{suffix}{shown} {number(value)}{stamp}\n")


def escaped(text: str) -> str:
    """Return a label's value as it stands between quotes."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def number(value: float) -> str:
    """Write a number as Go does: the shortest form, with an exponent from a million on."""
    if isinstance(value, int) and abs(value) < 1_000_000:
        return str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    sign, digits, power = Decimal(repr(float(value))).normalize().as_tuple()
    exponent = len(digits) - 1 + int(power)
    if value == 0 or -4 <= exponent < 6:
        return repr(float(value)).removesuffix(".0")
    first, rest = digits[0], "".join(str(digit) for digit in digits[1:])
    mantissa = f"{first}.{rest}" if rest else str(first)
    return f"{'-' if sign else ''}{mantissa}e{exponent:+03d}"


def rendered(families: Iterable[Family]) -> str:
    """Return the families that have samples, in the order of their names."""
    parts: list[str] = []
    for family in sorted(families, key=lambda one: one.name):
        if family.samples:
            text = family.help.replace("\\", r"\\").replace("\n", r"\n")
            parts.append(f"# HELP {family.name} {text}\n# TYPE {family.name} {family.type}\n")
            parts.extend(family.samples)
    return "".join(parts)
