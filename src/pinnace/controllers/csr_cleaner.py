"""Deletes certificate requests that are done with, or that nobody has seen to for a day."""

import base64
import contextlib
from datetime import datetime, timedelta

from pinnace.api.errors import NotFound
from pinnace.api.kinds.certificates import CERTIFICATESIGNINGREQUESTS
from pinnace.api.objects import Key, Object, parse_time
from pinnace.controllers.base import Context, Controller
from pinnace.kit import x509

_PERIOD = timedelta(hours=1)
_SETTLED = timedelta(hours=1)
_PENDING = timedelta(hours=24)


def _expires(request: Object) -> datetime | None:
    """Return when the certificate that was issued ends, if one was and it can be read."""
    text = (request.get("status") or {}).get("certificate")
    if not text:
        return None
    try:
        return x509.read_certificate(base64.b64decode(text)).not_after
    except (x509.X509Error, ValueError):
        return None


def expiry(request: Object) -> datetime | None:
    """Return when a request may go, or None as long as that cannot be said.

    An hour after it was denied, has failed or its certificate was issued (or when that ends, if
    earlier); a day after it was made if nobody said anything, or approved if nothing came of it.
    """
    status = request.get("status") or {}
    told = status.get("conditions") or []
    if not told:
        return parse_time(request["metadata"]["creationTimestamp"]) + _PENDING
    times = []
    for entry in told:
        if not entry.get("lastUpdateTime"):
            continue
        at = parse_time(entry["lastUpdateTime"])
        if entry["type"] in ("Denied", "Failed"):
            times.append(at + _SETTLED)
        elif entry["type"] == "Approved":
            times.append(at + (_SETTLED if status.get("certificate") else _PENDING))
    ends = _expires(request)
    if ends is not None and any(entry["type"] == "Approved" for entry in told):
        times.append(ends)
    return min(times, default=None)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Delete the request if its time is over; look again within the hour."""
    request = ctx.informers.informer(CERTIFICATESIGNINGREQUESTS).get(key)
    if request is None:
        return None
    due = expiry(request)
    if due is None or due >= ctx.clock.now():
        return _PERIOD
    with contextlib.suppress(NotFound):
        await ctx.client.delete(CERTIFICATESIGNINGREQUESTS, key.name)
    return None


CSR_CLEANER = Controller(
    name="certificatesigningrequest-cleaner-controller",
    account="certificate-controller",
    on=CERTIFICATESIGNINGREQUESTS,
    reconcile=reconcile,
    workers=1,
)
