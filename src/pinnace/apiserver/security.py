"""Authentication, authorization, admission and tokens, put together for one server.

The server makes one `Security` from its own caches. What the parts look up are the rows in
`LOOKED_UP`: these must be loaded before the first request, since a look-up never waits.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pinnace.api.errors import MethodNotAllowed
from pinnace.api.kinds.core import (
    LIMITRANGES,
    NAMESPACES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PODS,
    RESOURCEQUOTAS,
    SECRETS,
    SERVICEACCOUNTS,
)
from pinnace.api.kinds.networking import INGRESSCLASSES
from pinnace.api.kinds.node import RUNTIMECLASSES
from pinnace.api.kinds.resource import RESOURCESLICES
from pinnace.api.kinds.scheduling import PRIORITYCLASSES
from pinnace.api.kinds.storage import STORAGECLASSES, VOLUMEATTACHMENTS
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.api.wire import User
from pinnace.apiserver.admission import table as admission_table
from pinnace.apiserver.admission.base import Chain, Lookup
from pinnace.apiserver.admission.resource_quota import QuotaWriter
from pinnace.apiserver.authn import table as authn_table
from pinnace.apiserver.authn.reviews import review_self, review_token
from pinnace.apiserver.authn.table import Authenticator, AuthnConfig
from pinnace.apiserver.authz import table as authz_table
from pinnace.apiserver.authz.base import Authorizer
from pinnace.apiserver.authz.node import PodsOn
from pinnace.apiserver.authz.rbac import WATCHED, Rbac
from pinnace.apiserver.authz.reviews import (
    review_access,
    review_local_access,
    review_own_access,
    review_own_rules,
)
from pinnace.apiserver.serviceaccounts.openid import configuration, key_set
from pinnace.apiserver.serviceaccounts.tokens import TokenIssuer

LOOKED_UP: tuple[Resource, ...] = (
    *WATCHED,
    NAMESPACES,
    SERVICEACCOUNTS,
    SECRETS,
    PODS,
    NODES,
    LIMITRANGES,
    RESOURCEQUOTAS,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    PRIORITYCLASSES,
    RUNTIMECLASSES,
    INGRESSCLASSES,
    STORAGECLASSES,
    VOLUMEATTACHMENTS,
    RESOURCESLICES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityConfig:
    """What the cluster decides: who is believed, and with which key (PEM) tokens are signed.

    `keys_uri` is where others find the key set (`https://<address>/openid/v1/jwks`). Without
    `rbac`, everybody may do everything.
    """

    authn: AuthnConfig = field(default_factory=AuthnConfig)
    signing_key: bytes = b""
    keys_uri: str = ""
    maximum_token_seconds: int = 0
    rbac: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """The parts; `tokens` is None if there is no key to sign with."""

    config: SecurityConfig
    authenticator: Authenticator
    authorizer: Authorizer
    rbac: Rbac
    admission: Chain
    tokens: TokenIssuer | None
    now: Callable[[], datetime]

    def review(self, row: Resource, body: Object, *, namespace: str, user: User) -> Object:
        """Answer a create of a kind that is only asked and never stored; raises ApiError."""
        match row.kind:
            case "TokenReview":
                return review_token(body, self.authenticator)
            case "SelfSubjectReview":
                return review_self(body, user, self.now())
            case "SubjectAccessReview":
                return review_access(body, self.authorizer)
            case "SelfSubjectAccessReview":
                return review_own_access(body, user, self.authorizer)
            case "LocalSubjectAccessReview":
                return review_local_access(body, namespace, self.authorizer)
            case "SelfSubjectRulesReview":
                return review_own_rules(body, user, self.rbac)
        raise MethodNotAllowed(
            "the server does not allow this method on the requested resource", details={}
        )

    def openid_configuration(self) -> Object:
        """Return the document of `/.well-known/openid-configuration`."""
        return configuration(issuer=self.config.authn.issuers[0], keys_uri=self.config.keys_uri)

    def openid_keys(self) -> Object:
        """Return the document of `/openid/v1/jwks`."""
        return key_set(self.config.authn.service_account_keys)


def build(
    config: SecurityConfig,
    lookup: Lookup,
    *,
    pods_on: PodsOn,
    revision_of: Callable[[Resource], int],
    now: Callable[[], datetime],
    quota_writer: QuotaWriter | None = None,
) -> Security:
    """Put everything together over a server's caches.

    `pods_on` returns the pods of a node; `revision_of` the revision at which the objects of a row
    last changed. Without a `quota_writer`, quotas are not enforced.
    """
    rbac = Rbac(lookup, revision_of)
    authorizer: Authorizer = authz_table.AlwaysAllow()
    if config.rbac:
        authorizer = authz_table.build(rbac, lookup, pods_on)
    tokens = None
    if config.signing_key:
        tokens = TokenIssuer(
            issuer=config.authn.issuers[0],
            private_key=config.signing_key,
            api_audiences=config.authn.api_audiences,
            now=now,
            maximum_seconds=config.maximum_token_seconds,
        )
    return Security(
        config=config,
        authenticator=authn_table.build(config.authn, lookup, now),
        authorizer=authorizer,
        rbac=rbac,
        admission=admission_table.build(authorizer, rbac, quota_writer=quota_writer),
        tokens=tokens,
        now=now,
    )
