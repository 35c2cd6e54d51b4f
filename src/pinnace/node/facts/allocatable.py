"""What of a node's capacity is left for pods."""

from collections.abc import Iterable, Mapping

from pinnace.api import quantity
from pinnace.api.quantity import Quantity

# The kubelet's defaults, as far as they take something away from pods: a size, or a share.
HARD_EVICTION = {"memory.available": "100Mi", "nodefs.available": "10%"}
_RESOURCES = {"memory.available": "memory", "nodefs.available": "ephemeral-storage"}


def threshold(text: str, capacity: Quantity) -> Quantity:
    """Return a threshold in units, of `10%` or `100Mi`."""
    if text.endswith("%"):
        share = float(text[:-1]) / 100
        return quantity.from_value(int(capacity.value() * share), quantity.BINARY_SI)
    return quantity.parse(text)


def allocatable(
    capacity: Mapping[str, str],
    *,
    reserved: Iterable[Mapping[str, str]] = (),
    hard_eviction: Mapping[str, str] = HARD_EVICTION,
) -> dict[str, str]:
    """Return the capacity less what is reserved, what eviction keeps free, and huge pages."""
    left = {name: quantity.parse(text) for name, text in capacity.items()}
    whole = dict(left)
    taken = [(name, quantity.parse(text)) for part in reserved for name, text in part.items()]
    for signal, text in hard_eviction.items():
        resource = _RESOURCES.get(signal, "")
        if resource in whole:
            taken.append((resource, threshold(text, whole[resource])))
    if "memory" in whole:
        # Huge pages are memory that nothing else can have.
        taken += [("memory", whole[name]) for name in whole if name.startswith("hugepages-")]
    for name, amount in taken:
        if name in left:
            rest = left[name].sub(amount)
            left[name] = rest if rest > quantity.ZERO else quantity.ZERO
    return {name: amount.canonical() for name, amount in left.items()}
