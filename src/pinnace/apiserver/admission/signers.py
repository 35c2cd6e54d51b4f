"""Who may act for a signer of certificates."""

from pinnace.api.wire import User
from pinnace.apiserver.authz.base import Attributes, Authorizer, decided


async def may_act_for(authorizer: Authorizer, user: User, verb: str, signer: str) -> bool:
    """Say whether the user may `verb` for this signer, by its name or by its domain's `*`."""
    domain = signer.partition("/")[0]
    for name in (signer, f"{domain}/*"):
        attempt = Attributes(
            verb=verb, group="certificates.k8s.io", version="*", resource="signers", name=name
        )
        if (await decided(authorizer, user, attempt)).allowed:
            return True
    return False
