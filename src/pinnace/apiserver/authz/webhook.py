"""The mode Webhook: a service is asked with SubjectAccessReviews, and its answers are kept a while.

Upstream: apiserver `plugin/pkg/authorizer/webhook`.
"""

import logging
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

import orjson

from pinnace.api.objects import Object
from pinnace.api.wire import User
from pinnace.apiserver.authz.base import (
    NO_OPINION,
    Attributes,
    Decision,
    Rules,
    Verdict,
    joined,
)
from pinnace.apiserver.authz.conditions import Conditions
from pinnace.apiserver.authz.counts import Counts
from pinnace.apiserver.authz.narrowing import selectors_of
from pinnace.apiserver.hooks.failures import CallFailed
from pinnace.apiserver.hooks.kubeconfig import Place, Poster
from pinnace.kit.backoff import Backoff
from pinnace.kit.clock import Clock

_log = logging.getLogger(__name__)
_KEPT = 8192
# What is asked about something longer is not kept: whoever asks could fill the memory with it.
_LONGEST = 10_000
_TRIES = 5
_AGAIN = (429, 500, 504)
_GROUP = "authorization.k8s.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """How a webhook is asked; times in seconds, and a time of 0 keeps no answers."""

    name: str
    timeout: float = 30.0
    authorized_ttl: float = 300.0
    unauthorized_ttl: float = 30.0
    version: str = "v1"
    denies_on_failure: bool = False
    conditions: Sequence[str] = ()


class WebhookAuthorizer:
    """Asks a service; to be closed."""

    def __init__(
        self, settings: WebhookSettings, place: Place, clock: Clock, counts: Counts
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._counts = counts
        self._conditions = Conditions(settings.conditions) if settings.conditions else None
        self._poster = Poster(place, settings.timeout)
        self._known: OrderedDict[bytes, tuple[float, Verdict]] = OrderedDict()
        on_failure = Decision.DENY if settings.denies_on_failure else Decision.NO_OPINION
        self._on_failure = on_failure

    def authorize(self, user: User, attributes: Attributes) -> Verdict | Awaitable[Verdict]:
        spec = _spec(user, attributes)
        if self._conditions is not None:
            passed = self._passed(self._conditions, spec)
            if passed is not None:
                return passed
        key = orjson.dumps(spec)
        known = self._known.get(key)
        if known is not None and known[0] > self._clock.monotonic():
            self._known.move_to_end(key)
            return known[1]
        return self._asked(spec, key if _is_short(attributes) else None)

    def rules_for(self, user: User, namespace: str) -> Rules:
        """Tell nothing: only the service knows."""
        why = "webhook authorizer does not support user rule resolution"
        return Rules(incomplete=True, errors=[why])

    async def close(self) -> None:
        """Let go of all connections."""
        await self._poster.close()

    def _passed(self, conditions: Conditions, spec: Object) -> Verdict | None:
        """Return what is decided without asking, or None if the service is to be asked."""
        labels = "Webhook", self._settings.name
        began = time.perf_counter()
        matches, errors = conditions.match(spec)
        self._counts.match_seconds.observe(labels, time.perf_counter() - began)
        if errors:
            self._counts.match_errors.add(labels)
            return Verdict(self._on_failure, "", joined(errors))
        if not matches:
            self._counts.match_exclusions.add(labels)
            return NO_OPINION
        return None

    async def _asked(self, spec: Object, key: bytes | None) -> Verdict:
        try:
            verdict = _verdict(await self._answer(spec))
        except CallFailed as error:
            _log.error("Failed to make webhook authorizer request: %s", error)
            return Verdict(self._on_failure, "", str(error))
        settings = self._settings
        keep = settings.authorized_ttl if verdict.allowed else settings.unauthorized_ttl
        if key is not None and keep > 0:
            self._known[key] = self._clock.monotonic() + keep, verdict
            self._known.move_to_end(key)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return verdict

    async def _answer(self, spec: Object) -> Object:
        """Return the status that the service gives; it is asked again if it has but hiccuped."""
        backoff = Backoff(0.5, 60.0, 1.5, 0.2, random.random)
        for left in reversed(range(_TRIES)):
            try:
                return await self._posted(spec)
            except CallFailed as error:
                if not left or not _is_passing(error):
                    self._ignored(error)
                    raise
            await self._clock.sleep(backoff.next())
        raise AssertionError

    async def _posted(self, spec: Object) -> Object:
        version = self._settings.version
        began, result = time.perf_counter(), "canceled"
        try:
            asked = _review(spec, version)
            _, answer = await self._poster.post(asked)
            found = _status(answer, version)
            result = "success"
            return found
        except CallFailed as error:
            result = _result(error)
            raise
        finally:
            labels = self._settings.name, result
            self._counts.webhook_calls.add(labels)
            self._counts.webhook_seconds.observe(labels, time.perf_counter() - began)

    def _ignored(self, error: CallFailed) -> None:
        if self._on_failure is Decision.NO_OPINION:
            self._counts.webhook_ignored.add((self._settings.name, _result(error)))


def _result(error: CallFailed) -> str:
    late = error.code == 504 or "deadline exceeded" in str(error)
    return "timeout" if late else "error"


def _is_passing(error: CallFailed) -> bool:
    reset = error.code == 0 and "connection reset by peer" in str(error)
    return reset or error.code in _AGAIN


def _is_short(attributes: Attributes) -> bool:
    a = attributes
    texts = (a.namespace, a.verb, a.group, a.version, a.resource, a.subresource, a.name, a.path)
    return sum(map(len, texts)) < _LONGEST


def _spec(user: User, attributes: Attributes) -> Object:
    spec: Object = {}
    if attributes.path:
        asked: Object = {"path": attributes.path, "verb": attributes.verb}
        spec["nonResourceAttributes"] = _filled(asked)
    else:
        asked = {
            "namespace": attributes.namespace,
            "verb": attributes.verb,
            "group": attributes.group,
            "version": attributes.version,
            "resource": attributes.resource,
            "subresource": attributes.subresource,
            "name": attributes.name,
        }
        spec["resourceAttributes"] = _filled(asked) | selectors_of(attributes)
    who: Object = {
        "user": user.name,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
        "uid": user.uid,
    }
    return spec | _filled(who)


def _filled(given: Object) -> Object:
    return {key: value for key, value in given.items() if value}


def _review(spec: Object, version: str) -> Object:
    if version == "v1beta1" and "groups" in spec:
        spec = {("group" if key == "groups" else key): value for key, value in spec.items()}
    return {
        "kind": "SubjectAccessReview",
        "apiVersion": f"{_GROUP}/{version}",
        "metadata": {},
        "spec": spec,
        "status": {"allowed": False},
    }


def _status(answer: Object, version: str) -> Object:
    """Return the status of an answered review; raises CallFailed for anything else."""
    kind, given = answer.get("kind"), answer.get("apiVersion")
    if (kind or "SubjectAccessReview") != "SubjectAccessReview" or (
        given or f"{_GROUP}/{version}"
    ) not in (f"{_GROUP}/v1", f"{_GROUP}/v1beta1"):
        raise CallFailed(f'no kind "{kind}" is registered for version "{given}"', 0)
    status = answer.get("status") or {}
    if not isinstance(status, dict):
        raise CallFailed("json: cannot unmarshal the status of the SubjectAccessReview", 0)
    for name, wanted in (("allowed", bool), ("denied", bool), ("reason", str)):
        value = status.get(name)
        if value is not None and not isinstance(value, wanted):
            raise CallFailed(f"json: cannot unmarshal status.{name} of SubjectAccessReview", 0)
    return status


def _verdict(status: Object) -> Verdict:
    reason = status.get("reason") or ""
    if status.get("denied"):
        both = "webhook subject access review returned both allow and deny response"
        return Verdict(Decision.DENY, reason, both if status.get("allowed") else "")
    decision = Decision.ALLOW if status.get("allowed") else Decision.NO_OPINION
    return Verdict(decision, reason)
