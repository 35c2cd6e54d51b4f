"""Who may ask: authentication, impersonation and authorization as one step of the pipeline."""

from dataclasses import dataclass

from pinnace.api.errors import ApiError, Undecided, internal
from pinnace.api.objects import Object
from pinnace.api.wire import Request, User
from pinnace.apiserver.audit.trail import Trail
from pinnace.apiserver.authn import reviews as authn
from pinnace.apiserver.authn.base import Noted
from pinnace.apiserver.authn.impersonating import Impersonation
from pinnace.apiserver.authn.impersonation import wanted
from pinnace.apiserver.authn.table import Parts
from pinnace.apiserver.authn.union import Authenticator
from pinnace.apiserver.authz import reviews as authz
from pinnace.apiserver.authz.base import Attributes as Attempt
from pinnace.apiserver.authz.base import Decision, Verdict, refusal
from pinnace.apiserver.authz.rbac import Rbac
from pinnace.apiserver.authz.table import Authorizers
from pinnace.apiserver.authz.union import Union
from pinnace.apiserver.routes import RequestInfo


@dataclass(frozen=True, slots=True)
class Auth:
    """What the server knows callers and their rights by."""

    authenticator: Authenticator
    authorizers: Authorizers
    impersonation: Impersonation
    authn: Parts
    rbac: Rbac

    @property
    def authorizer(self) -> Union:
        """Who decides."""
        return self.authorizers.union

    async def user(
        self, request: Request, info: RequestInfo, trail: Trail | None, noted: Noted
    ) -> User:
        """Return whom the request acts as; raises Unauthorized and Forbidden.

        What is to be said of the credential goes to `noted`.
        """
        user = await self.authenticator.authenticate(request, noted)
        if trail is not None:
            for key, value in noted.annotations.items():
                trail.annotate(key, value)
            await trail.received(user)
        who = wanted(request.headers)
        if who is None:
            return user
        found = await self.impersonation.user(user, who, _attempt(info))
        if trail is not None:
            trail.impersonated(found, self.impersonation.constraint(user))
        return found

    async def verdict(self, user: User, info: RequestInfo) -> Verdict:
        """Return whether the user may do this."""
        found = self.authorizers.union.authorize(user, _attempt(info))
        return found if isinstance(found, Verdict) else await found

    def refusal(self, user: User, info: RequestInfo, verdict: Verdict) -> ApiError:
        """Return what a request is answered that is not allowed."""
        if verdict.error:
            return Undecided(verdict.error)
        return refusal(user, _attempt(info), verdict.reason)

    async def check(self, user: User, info: RequestInfo) -> None:
        """Raise ApiError unless the user may do this too."""
        verdict = await self.verdict(user, info)
        if verdict.decision is Decision.ALLOW:
            return
        if verdict.error:
            raise internal(verdict.error)
        raise refusal(user, _attempt(info), verdict.reason)

    async def review_token(self, body: Object) -> Object:
        """Answer a TokenReview."""
        return await authn.review_token(body, self.authenticator)

    def review_rules(self, body: Object, user: User) -> Object:
        """Answer a SelfSubjectRulesReview."""
        return authz.review_own_rules(body, user, self.authorizer)


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
        label_selector=info.label_selector,
    )
