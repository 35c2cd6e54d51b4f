"""CertificateApproval: only those who may approve for a signer approve its requests."""

from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation
from pinnace.apiserver.admission.signers import may_act_for
from pinnace.apiserver.authz.base import Authorizer


class CertificateApproval:
    """Guards the approval subresource."""

    name = "CertificateApproval"

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        is_request = row.plural == "certificatesigningrequests"
        return is_request and subresource == "approval" and operation == "UPDATE"

    async def validate(self, attributes: Attributes) -> None:
        """Refuse; the signer is that of the stored request, whatever the new one says."""
        signer = ((attributes.old or {}).get("spec") or {}).get("signerName") or ""
        if not await may_act_for(self._authorizer, attributes.user, "approve", signer):
            raise attributes.refuse(
                f'user not permitted to approve requests with signerName "{signer}"'
            )
