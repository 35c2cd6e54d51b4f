"""The cluster's own signers of certificates, and what each demands of a request."""

from collections.abc import Iterable

from pinnace.kit.x509 import Facts

KUBELET_SERVING = "kubernetes.io/kubelet-serving"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
CLIENT = "kubernetes.io/kube-apiserver-client"
SIGNERS = (KUBELET_SERVING, KUBELET_CLIENT, CLIENT)
_NODES = ("system:nodes",)


def fault(signer: str, asked: Facts, usages: Iterable[str]) -> str | None:
    """Return why the signer refuses a request, or None if it does not."""
    wanted = set(usages)
    if signer == CLIENT:
        return _client_fault(wanted)
    return _kubelet_fault(asked, wanted, serving=signer == KUBELET_SERVING)


def _client_fault(usages: set[str]) -> str | None:
    others = sorted(usages - {"digital signature", "key encipherment", "client auth"})
    if others:
        return f"invalid usage for client certificate: {others[0]}"
    if "client auth" not in usages:
        return "missing required usage for client certificate: client auth"
    return None


def _kubelet_fault(asked: Facts, usages: set[str], *, serving: bool) -> str | None:
    purpose = "server auth" if serving else "client auth"
    needed = {"digital signature", purpose}
    listed = " ".join(sorted({*needed, "key encipherment"}))
    faults = (
        (asked.subject.organizations != _NODES, "subject organization is not system:nodes"),
        (serving and not (asked.dns or asked.ips), "DNS or IP subjectAltName is required"),
        (not serving and bool(asked.dns), "DNS subjectAltNames are not allowed"),
        (bool(asked.emails), "Email subjectAltNames are not allowed"),
        (not serving and bool(asked.ips), "IP subjectAltNames are not allowed"),
        (bool(asked.uris), "URI subjectAltNames are not allowed"),
        (
            not asked.subject.common_name.startswith("system:node:"),
            "subject common name does not begin with system:node:",
        ),
        (
            usages not in (needed, needed | {"key encipherment"}),
            f"usages did not match [{listed}]",
        ),
    )
    return next((text for is_wrong, text in faults if is_wrong), None)
