"""Approves the kubelets' own requests for client certificates, if they may ask for them."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from pinnace.api.errors import ApiError
from pinnace.api.kinds.authorization import SUBJECTACCESSREVIEWS
from pinnace.api.kinds.certificates import CERTIFICATESIGNINGREQUESTS
from pinnace.api.objects import Key, Object, copied, format_time
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import conditions
from pinnace.controllers.shared.signers import KUBELET_CLIENT, fault
from pinnace.kit.x509 import Facts, X509Error, read_request


def is_node_client(csr: Object, asked: Facts) -> bool:
    """Whether this is a kubelet's request for a client certificate."""
    spec = csr["spec"]
    return (
        bool(spec["signerName"] == KUBELET_CLIENT)
        and fault(KUBELET_CLIENT, asked, spec.get("usages") or ()) is None
    )


def is_own_node_client(csr: Object, asked: Facts) -> bool:
    """Whether a kubelet asks for a certificate of the name that it already has."""
    own = csr["spec"].get("username") == asked.subject.common_name
    return own and is_node_client(csr, asked)


@dataclass(frozen=True, slots=True)
class Recognizer:
    """What kind of request it is, and what its sender must be allowed for it."""

    recognizes: Callable[[Object, Facts], bool]
    subresource: str
    message: str


RECOGNIZERS = (
    Recognizer(
        is_own_node_client,
        "selfnodeclient",
        "Auto approving self kubelet client certificate after SubjectAccessReview.",
    ),
    Recognizer(
        is_node_client,
        "nodeclient",
        "Auto approving kubelet client certificate after SubjectAccessReview.",
    ),
)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Approve the request if it is of a known kind and its sender may send it."""
    csr = ctx.informers.informer(CERTIFICATESIGNINGREQUESTS).get(key)
    if csr is None or (csr.get("status") or {}).get("certificate"):
        return None
    known = (csr.get("status") or {}).get("conditions")
    if any(conditions.find(known, kind) is not None for kind in ("Approved", "Denied")):
        return None
    try:
        asked = read_request(base64.b64decode(csr["spec"]["request"]))
    except (X509Error, ValueError) as error:
        raise ApiError(f'unable to parse csr "{key.name}": {error}') from error
    for recognizer in RECOGNIZERS:
        if recognizer.recognizes(csr, asked) and await _may(ctx, csr, recognizer.subresource):
            await _approve(ctx, csr, recognizer.message)
            return None
    return None


async def _may(ctx: Context, csr: Object, subresource: str) -> bool:
    spec = csr["spec"]
    review: Object = {
        "spec": {
            "user": spec.get("username", ""),
            "uid": spec.get("uid", ""),
            "groups": spec.get("groups") or [],
            "extra": spec.get("extra") or {},
            "resourceAttributes": {
                "group": "certificates.k8s.io",
                "resource": "certificatesigningrequests",
                "verb": "create",
                "subresource": subresource,
                "version": "*",
            },
        }
    }
    answer = await ctx.client.create(SUBJECTACCESSREVIEWS, review)
    return bool((answer.get("status") or {}).get("allowed"))


async def _approve(ctx: Context, csr: Object, message: str) -> None:
    changed = copied(csr)
    status = changed.setdefault("status", {})
    now = format_time(ctx.clock.now())
    told = {
        "type": "Approved",
        "status": "True",
        "reason": "AutoApproved",
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }
    status["conditions"] = [*(status.get("conditions") or []), told]
    await ctx.client.update(CERTIFICATESIGNINGREQUESTS, changed, subresource="approval")


CSR_APPROVING = Controller(
    name="certificatesigningrequest-approving-controller",
    account="certificate-controller",
    on=CERTIFICATESIGNINGREQUESTS,
    reconcile=reconcile,
)
