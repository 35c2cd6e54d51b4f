"""Who may ask: authentication, impersonation and authorization as one step of the pipeline."""

from dataclasses import dataclass

from pinnace.api.errors import NotFound
from pinnace.api.objects import Object
from pinnace.api.wire import Request, User
from pinnace.apiserver.authn import reviews as authn
from pinnace.apiserver.authn.base import Noted
from pinnace.apiserver.authn.impersonating import Impersonation
from pinnace.apiserver.authn.impersonation import wanted
from pinnace.apiserver.authn.table import Parts
from pinnace.apiserver.authn.union import Authenticator
from pinnace.apiserver.authz import reviews as authz
from pinnace.apiserver.authz.base import Attributes as Attempt
from pinnace.apiserver.authz.base import Authorizer, refusal
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.apiserver.routes import RequestInfo


@dataclass(frozen=True, slots=True)
class Auth:
    """What the server knows callers and their rights by."""

    authenticator: Authenticator
    authorizer: Authorizer
    impersonation: Impersonation
    authn: Parts
    rbac: Rbac | None = None

    async def user(self, request: Request, info: RequestInfo, noted: Noted | None = None) -> User:
        """Return whom the request acts as; raises Unauthorized and Forbidden."""
        user = await self.authenticator.authenticate(request, noted)
        who = wanted(request.headers)
        if who is None:
            return user
        return self.impersonation.user(user, who, _attempt(info))

    def check(self, user: User, info: RequestInfo) -> None:
        """Raise Forbidden unless the user may do this."""
        attempt = _attempt(info)
        allowed, reason = self.authorizer.authorize(user, attempt)
        if not allowed:
            raise refusal(user, attempt, reason)

    async def review_token(self, body: Object) -> Object:
        """Answer a TokenReview."""
        return await authn.review_token(body, self.authenticator)

    def review_rules(self, body: Object, user: User) -> Object:
        """Answer a SelfSubjectRulesReview."""
        if self.rbac is None:
            raise NotFound("the server could not find the requested resource", details={})
        return authz.review_own_rules(body, user, self.rbac)


def _attempt(info: RequestInfo) -> Attempt:
    """Return what a request attempts."""
    if not info.resource:
        return Attempt(verb=info.verb, path=info.path)
    return Attempt(
        verb=info.verb,
        group=info.group,
        version=info.version,
        resource=info.resource,
        subresource=info.subresource,
        namespace=info.namespace,
        name=info.name,
        field_selector=info.field_selector,
    )
