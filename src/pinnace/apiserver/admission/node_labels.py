"""Which labels a kubelet may give its own Node."""

from collections.abc import Iterable, Mapping

_ALLOWED = frozenset(
    (
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
    )
)
_ALLOWED_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
_RESTRICTED_DOMAIN = "node-restriction.kubernetes.io"
_KUBERNETES_DOMAINS = ("kubernetes.io", "k8s.io")


def modified(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """Return the labels that differ between the two."""
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def forbidden(labels: Iterable[str]) -> list[str]:
    """Return those labels that a kubelet may not add, change or remove, sorted."""
    return sorted(label for label in labels if _is_forbidden(label))


def _is_forbidden(label: str) -> bool:
    domain, slash, _ = label.partition("/")
    if not slash:
        return False
    if _within(domain, _RESTRICTED_DOMAIN):
        return True
    if not any(_within(domain, kubernetes) for kubernetes in _KUBERNETES_DOMAINS):
        return False
    return label not in _ALLOWED and not any(_within(domain, d) for d in _ALLOWED_DOMAINS)


def _within(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")
