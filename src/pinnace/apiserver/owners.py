"""Owners named twice: the server keeps one of them and says so."""

from pinnace.api.objects import Object
from pinnace.apiserver.core import Call

_SAID = (
    ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner "
    "references in 1.20+, and may reject such requests as early as 1.24; please fix your "
    "requests; duplicate UID(s) observed: {uids}"
)


def without_repeated(call: Call, obj: Object, *, admitted: bool) -> None:
    """Drop repeated owners of an object, with a warning."""
    owners = obj["metadata"].get("ownerReferences")
    if not owners or len(owners) < 2:
        return
    kept: list[Object] = []
    repeated = []
    for owner in owners:
        if owner in kept:
            repeated.append(owner.get("uid") or "")
        else:
            kept.append(owner)
    if repeated:
        obj["metadata"]["ownerReferences"] = kept
        when = " after mutating admission happens" if admitted else ""
        call.warnings.append(_SAID.format(when=when, uids=", ".join(repeated)))
