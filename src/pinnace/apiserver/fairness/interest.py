"""How many watches a write will be told to, as far as upstream counts them."""

from collections import Counter

from pinnace.apiserver.routes import RequestInfo

Where = tuple[str, str, str, str]


class Interest:
    """Counts the open watches of each resource, namespace and name."""

    def __init__(self) -> None:
        self._counts: Counter[Where] = Counter()

    def where(self, info: RequestInfo) -> Where | None:
        """Return what a watch is counted as; None for one that hears of few objects only."""
        if info.resource == "pods" and dict(info.field_selector).get("spec.nodeName"):
            return None
        return info.group, info.resource, info.namespace, info.name

    def add(self, where: Where) -> None:
        """Count a watch that begins."""
        self._counts[where] += 1

    def remove(self, where: Where) -> None:
        """Forget a watch that has ended."""
        self._counts[where] -= 1
        if not self._counts[where]:
            del self._counts[where]

    def of(self, info: RequestInfo) -> int:
        """Return how many watches may care for what a request changes."""
        counts = self._counts
        if not counts:
            return 0
        group, resource, namespace = info.group, info.resource, info.namespace
        found = counts.get((group, resource, "", ""), 0)
        if namespace:
            found += counts.get((group, resource, namespace, ""), 0)
        if info.name:
            found += counts.get((group, resource, namespace, info.name), 0)
        return found
