"""TokenReview and SelfSubjectReview: objects in, answered objects out."""

from datetime import datetime

from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object, format_time
from pinnace.api.wire import User
from pinnace.apiserver.authn.base import InvalidToken
from pinnace.apiserver.authn.union import Authenticator


async def review_token(review: Object, authenticator: Authenticator) -> Object:
    """Answer a TokenReview: whether the token is good for one of the asked-for audiences."""
    spec = review.get("spec") or {}
    token = spec.get("token")
    if not token:
        raise BadRequest("token is required for TokenReview in authentication")
    audiences = tuple(spec.get("audiences") or ()) or authenticator.api_audiences
    try:
        identity = await authenticator.authenticate_token(token, audiences)
    except InvalidToken as error:
        return {**review, "status": {"user": {}, "error": str(error)}}
    status: Object = {"authenticated": True, "user": user_info(identity.user)}
    if identity.audiences:
        status["audiences"] = list(identity.audiences)
    return {**review, "status": status}


def review_self(review: Object, user: User, now: datetime) -> Object:
    """Answer a SelfSubjectReview: who the caller is."""
    metadata = {"creationTimestamp": format_time(now)}
    return {**review, "metadata": metadata, "status": {"userInfo": user_info(user)}}


def user_info(user: User) -> Object:
    """Write a user as authentication/v1 UserInfo."""
    info: Object = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info
