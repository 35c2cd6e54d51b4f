"""Who may write the status of a PodCertificateRequest, and when: what its rules cannot know."""

from datetime import timedelta

from pinnace.api.errors import Cause
from pinnace.api.objects import Object, format_time, parse_time
from pinnace.api.resources import Resource
from pinnace.api.validation.base import forbidden, invalid, quoted
from pinnace.apiserver.admission.signers import may_act_for
from pinnace.apiserver.core import Call, Core

_SKEW = timedelta(minutes=5)


def is_guarded(row: Resource, subresource: str) -> bool:
    """Say whether a write is to a status that only signers may change."""
    return subresource == "status" and row.plural == "podcertificaterequests"


async def status_causes(core: Core, call: Call, new: Object, old: Object) -> list[Cause]:
    """Return what is wrong with a changed status that follows the rules of its kind."""
    status, before = new.get("status") or {}, old.get("status") or {}
    if status == before:
        return []
    begins = status.get("notBefore")
    if begins and abs(parse_time(begins) - core.clock.now()) >= _SKEW:
        detail = "must be set to within 5 minutes of kube-apiserver's current time"
        return [invalid("status.notBefore", format_time(parse_time(begins)), detail)]
    signer = (old.get("spec") or {}).get("signerName") or ""
    if await may_act_for(core.auth.authorizers.union, call.user, "sign", signer):
        return []
    who = quoted(call.user.name)
    detail = f'User {who} is not permitted to "sign" for signer {quoted(signer)}'
    return [forbidden("spec.signerName", detail)]
