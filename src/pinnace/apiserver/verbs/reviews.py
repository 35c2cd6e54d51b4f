"""Reviews: questions to authentication and authorization, answered and not stored."""

from collections.abc import Awaitable, Callable
from functools import partial

from pinnace.api.errors import BadRequest, NotFound
from pinnace.api.objects import Object
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies
from pinnace.apiserver.answers import answer_object
from pinnace.apiserver.authn import reviews as authn
from pinnace.apiserver.authz import reviews as authz
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.writes import attributes
from pinnace.kit import jws

_ISSUED = "authentication.kubernetes.io/issued-credential-id"
_ELSEWHERE = "the namespace of the provided object does not match the namespace sent on the request"


async def review(core: Core, call: Call) -> Answer:
    """Answer a review with itself, its status filled in."""
    body = await bodies.read_object(core, call)
    body["metadata"].pop("uid", None)
    _place(body, call.namespace)
    await _admit(core, call, body)
    found = _reviewers(core, call)[call.row.kind](body)
    answer = found if isinstance(found, dict) else await found
    answer = {"kind": call.row.kind, "apiVersion": call.row.group_version, **answer}
    return answer_object(call.request, answer, code=201)


async def _admit(core: Core, call: Call, body: Object) -> None:
    attempt = attributes(core, call, "CREATE", body, None)
    await core.admission.mutate(attempt)
    await core.admission.validate(attempt)


def _place(body: Object, namespace: str) -> None:
    """Put what was sent into the namespace of the request; raises BadRequest if it has another."""
    metadata = body["metadata"]
    if not namespace:
        metadata.pop("namespace", None)
    elif (metadata.get("namespace") or namespace) != namespace:
        raise BadRequest(_ELSEWHERE)
    else:
        metadata["namespace"] = namespace


def _reviewers(core: Core, call: Call) -> dict[str, Callable[[Object], Object | Awaitable[Object]]]:
    auth = core.auth
    now = core.clock.now()
    return {
        "TokenReview": auth.review_token,
        "SelfSubjectReview": lambda body: authn.review_self(body, call.user, now),
        "SubjectAccessReview": lambda body: _decided(core, call, body),
        "SelfSubjectAccessReview": lambda body: _decided(core, call, body),
        "LocalSubjectAccessReview": lambda body: _decided(core, call, body),
        "SelfSubjectRulesReview": lambda body: auth.review_rules(body, call.user),
    }


async def _decided(core: Core, call: Call, body: Object) -> Object:
    reading = partial(authz.question, body, call.row.kind, call.namespace)
    asked = await core.apart.run(call.size, reading)
    return await authz.answered(asked, call.user, core.auth.authorizer)


async def token(core: Core, call: Call) -> Answer:
    """Issue a token for a service account."""
    issuer = core.config.token_issuer
    if issuer is None:
        raise NotFound("the server could not find the requested resource", details={})
    body = await bodies.read_other(
        core, call, api_version="authentication.k8s.io/v1", kind="TokenRequest"
    )
    _place(body, call.namespace)
    await _admit(core, call, body)
    answer = issuer.request(
        body,
        namespace=call.namespace,
        name=call.info.name,
        lookup=core.lookup,
        warnings=call.warnings,
    )
    if call.trail is not None:
        claims = jws.untrusted_claims(answer["status"]["token"])
        call.trail.annotate(_ISSUED, f"JTI={claims['jti']}")
    return answer_object(call.request, answer, code=201)
