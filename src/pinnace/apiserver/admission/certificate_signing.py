"""CertificateSigning: only those who may sign for a signer write its certificates."""

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.admission.signers import may_act_for
from pinnace.apiserver.authz.base import Authorizer


class CertificateSigning:
    """Guards the status subresource."""

    name = "CertificateSigning"

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_request = row.plural == "certificatesigningrequests"
        return is_request and subresource == "status" and operation == "UPDATE"

    async def validate(self, attributes: Attributes) -> None:
        """Refuse a changed certificate or condition from somebody who may not sign."""
        old, new = ((o or {}).get("status") or {} for o in (attributes.old, attributes.obj))
        if all(old.get(field) == new.get(field) for field in ("certificate", "conditions")):
            return
        signer = ((attributes.old or {}).get("spec") or {}).get("signerName") or ""
        if not await may_act_for(self._authorizer, attributes.user, "sign", signer):
            raise attributes.refuse(
                f'user not permitted to sign requests with signerName "{signer}"'
            )
