"""Expressions that ask what somebody may do, where the answer may have to be waited for.

Expressions are evaluated in one go. One that asks what no authorizer can tell at once is broken
off with the question; the answer is waited for and kept, and the expression is evaluated again
from its start. What an expression gives depends on nothing but its variables and these answers.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pinnace.api.cel.authorizer import Ask, Attempt
from pinnace.api.wire import User
from pinnace.apiserver.apart import Apart
from pinnace.apiserver.authn.service_accounts import groups_of, username
from pinnace.apiserver.authz.base import Attributes, Authorizer, Verdict
from pinnace.apiserver.authz.narrowing import narrowed_to

T = TypeVar("T")


class Unanswered(Exception):
    """An expression asks what has to be waited for."""

    def __init__(self, settle: Callable[[], Awaitable[None]]) -> None:
        super().__init__("the answer has to be waited for")
        self.settle = settle


async def settled(evaluate: Callable[[], T], apart: Apart) -> T:
    """Return what evaluating expressions gives, which is begun anew after each answer.

    What takes long is evaluated beside the event loop.
    """
    while True:
        try:
            return await apart.patiently(0, evaluate)
        except Unanswered as question:
            await question.settle()


def asker(user: User, authorizer: Authorizer) -> Ask:
    """Return what answers the questions of one request's expressions; raises Unanswered."""
    known: dict[Attempt, tuple[bool, str, str]] = {}

    def ask(attempt: Attempt) -> tuple[bool, str, str]:
        if attempt not in known:
            found = authorizer.authorize(_who(user, attempt), _attributes(attempt))
            if not isinstance(found, Verdict):
                raise Unanswered(lambda: settle(attempt, found))
            known[attempt] = _told(found)
        return known[attempt]

    async def settle(attempt: Attempt, found: Awaitable[Verdict]) -> None:
        known[attempt] = _told(await found)

    return ask


def _told(verdict: Verdict) -> tuple[bool, str, str]:
    return verdict.allowed, verdict.reason, verdict.error


def _who(user: User, attempt: Attempt) -> User:
    if attempt.account is None:
        return user
    namespace, name = attempt.account
    return User(username(namespace, name), groups_of(namespace))


def _attributes(attempt: Attempt) -> Attributes:
    if attempt.path:
        return Attributes(verb=attempt.verb, path=attempt.path)
    narrow = narrowed_to(attempt.fields, attempt.labels)
    return Attributes(
        verb=attempt.verb,
        group=attempt.group,
        version="*",
        resource=attempt.resource,
        subresource=attempt.subresource,
        namespace=attempt.namespace,
        name=attempt.name,
        field_selector=narrow.fields,
        label_selector=narrow.labels,
    )
