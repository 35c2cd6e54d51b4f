"""What the built-in signers make of a CertificateSigningRequest: pure, objects in, objects out."""

import base64
import binascii
from collections.abc import Collection
from datetime import datetime, timedelta

from pinnace.api.objects import Object, condition, format_time
from pinnace.kit import x509

KUBELET_SERVING = "kubernetes.io/kubelet-serving"
KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
API_CLIENT = "kubernetes.io/kube-apiserver-client"
LEGACY_UNKNOWN = "kubernetes.io/legacy-unknown"
SIGNERS = (KUBELET_SERVING, KUBELET_CLIENT, API_CLIENT, LEGACY_UNKNOWN)

# No certificate is shorter: clocks differ by minutes.
_SHORTEST = timedelta(minutes=10)
_NODES = "system:nodes"
_NODE_PREFIX = "system:node:"


def sign(
    csr: Object, authority: x509.Authority, now: datetime, *, lifetime: timedelta = x509.YEAR
) -> Object | None:
    """Return the request with its certificate, or with the condition Failed that says why not.

    None if there is nothing to do: not approved, failed or signed already, or another's signer.
    """
    spec, status = csr.get("spec") or {}, csr.get("status") or {}
    if spec.get("signerName") not in SIGNERS or status.get("certificate"):
        return None
    if not _is_true(csr, "Approved") or _is_true(csr, "Denied") or _is_true(csr, "Failed"):
        return None
    pem, why = _request(spec)
    if not why:
        why = complaint(spec["signerName"], x509.read_request(pem), spec.get("usages") or ())
    if why:
        return {**csr, "status": {**status, "conditions": _failed(status, why, now)}}
    usages = spec.get("usages") or ()
    certificate = x509.sign_request(
        authority,
        pem,
        now=now,
        not_after=now + _duration(spec.get("expirationSeconds"), lifetime),
        server="server auth" in usages,
        client="client auth" in usages,
    )
    encoded = base64.b64encode(certificate).decode()
    return {**csr, "status": {**status, "certificate": encoded}}


def is_for_kubelet_client(csr: Object) -> bool:
    """Say whether this asks for a kubelet's client certificate, in every particular."""
    spec = csr.get("spec") or {}
    pem, why = _request(spec)
    if why or spec.get("signerName") != KUBELET_CLIENT:
        return False
    return not complaint(KUBELET_CLIENT, x509.read_request(pem), spec.get("usages") or ())


def complaint(signer: str, facts: x509.Facts, usages: Collection[str]) -> str:
    """Return why a signer does not sign such a request, in upstream's words, or empty."""
    if signer == API_CLIENT:
        return _api_client_complaint(usages)
    if signer == LEGACY_UNKNOWN:
        return ""
    if facts.subject.organizations != (_NODES,):
        return "subject organization is not system:nodes"
    serving = signer == KUBELET_SERVING
    why = _names_complaint(facts, serving=serving)
    if why:
        return why
    why_usages = _usages_complaint(usages, serving=serving)
    why_name = ""
    if not facts.subject.common_name.startswith(_NODE_PREFIX):
        why_name = "subject common name does not begin with system:node:"
    return (why_usages or why_name) if serving else (why_name or why_usages)


def _usages_complaint(usages: Collection[str], *, serving: bool) -> str:
    kind = "server auth" if serving else "client auth"
    wanted = {"digital signature", "key encipherment", kind}
    if set(usages) in (wanted, wanted - {"key encipherment"}):
        return ""
    return f"usages did not match [{' '.join(sorted(wanted))}]"


def _names_complaint(facts: x509.Facts, *, serving: bool) -> str:
    if serving and not facts.dns and not facts.ips:
        return "DNS or IP subjectAltName is required"
    for present, what in (
        (facts.dns and not serving, "DNS"),
        (facts.emails, "Email"),
        (facts.ips and not serving, "IP"),
        (facts.uris, "URI"),
    ):
        if present:
            return f"{what} subjectAltNames are not allowed"
    return ""


def _api_client_complaint(usages: Collection[str]) -> str:
    for usage in usages:
        if usage not in ("digital signature", "key encipherment", "client auth"):
            return f"invalid usage for client certificate: {usage}"
    if "client auth" not in usages:
        return "missing required usage for client certificate: client auth"
    return ""


def _request(spec: Object) -> tuple[bytes, str]:
    """Return the request in PEM, or why it is none."""
    try:
        pem = base64.b64decode(str(spec.get("request") or ""))
        x509.read_request(pem)
    except (binascii.Error, x509.X509Error) as error:
        return b"", f"unable to parse csr: {error}"
    return pem, ""


def _duration(seconds: int | None, longest: timedelta) -> timedelta:
    if seconds is None:
        return longest
    return min(longest, max(_SHORTEST, timedelta(seconds=seconds)))


def _is_true(csr: Object, kind: str) -> bool:
    return (condition(csr, kind) or {}).get("status") == "True"


def _failed(status: Object, why: str, now: datetime) -> list[Object]:
    entry = {
        "type": "Failed",
        "status": "True",
        "reason": "SignerValidationFailure",
        "message": why,
        "lastUpdateTime": format_time(now),
    }
    return [*(status.get("conditions") or ()), entry]
