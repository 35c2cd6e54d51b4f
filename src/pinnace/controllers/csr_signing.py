"""Signs approved certificate requests of the cluster's own signers."""

import base64
from datetime import timedelta

from pinnace.api.errors import ApiError
from pinnace.api.kinds.certificates import CERTIFICATESIGNINGREQUESTS
from pinnace.api.objects import Key, Object, copied, format_time
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions
from pinnace.controllers.shared.signers import KUBELET_SERVING, SIGNERS, fault
from pinnace.kit.x509 import KeyPair, X509Error, load_authority, read_request, sign_request

_LIFETIME = timedelta(days=365)
_SHORTEST = timedelta(minutes=10)


def lifetime(seconds: int | None) -> timedelta:
    """Return how long a certificate is to live, between ten minutes and a year."""
    if seconds is None:
        return _LIFETIME
    return min(max(timedelta(seconds=seconds), _SHORTEST), _LIFETIME)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Sign the request, or say why it cannot be."""
    csr = ctx.informers.informer(CERTIFICATESIGNINGREQUESTS).get(key)
    if csr is None or not ctx.config.signing_key or csr["spec"]["signerName"] not in SIGNERS:
        return None
    status = csr.get("status") or {}
    known = status.get("conditions")
    approved = conditions.is_true(known, "Approved") and not conditions.is_true(known, "Denied")
    if status.get("certificate") or not approved or conditions.is_true(known, "Failed"):
        return None
    changed = copied(csr)
    try:
        asked = read_request(base64.b64decode(csr["spec"]["request"]))
        wrong = fault(csr["spec"]["signerName"], asked, csr["spec"].get("usages") or ())
        if wrong is not None:
            changed["status"]["conditions"] = [*(known or []), _failed(wrong, ctx)]
        else:
            changed["status"]["certificate"] = _sign(csr, ctx)
    except (X509Error, ValueError) as error:
        raise ApiError(f"error auto signing csr: {error}") from error
    await ctx.client.update(CERTIFICATESIGNINGREQUESTS, changed, subresource="status")
    return None


def _failed(message: str, ctx: Context) -> Object:
    now = format_time(ctx.clock.now())
    return {
        "type": "Failed",
        "status": "True",
        "reason": "SignerValidationFailure",
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }


def _sign(csr: Object, ctx: Context) -> str:
    pair = KeyPair(ctx.config.signing_certificate.encode(), ctx.config.signing_key.encode())
    now, spec = ctx.clock.now(), csr["spec"]
    serving = spec["signerName"] == KUBELET_SERVING
    signed = sign_request(
        load_authority(pair),
        base64.b64decode(spec["request"]),
        now=now,
        not_after=now + lifetime(spec.get("expirationSeconds")),
        server=serving,
        client=not serving,
    )
    return base64.b64encode(signed).decode()


CSR_SIGNING = Controller(
    name="certificatesigningrequest-signing-controller",
    account="certificate-controller",
    on=CERTIFICATESIGNINGREQUESTS,
    reconcile=reconcile,
)
