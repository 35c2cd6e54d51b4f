"""What is counted of admission, by upstream's names.

Upstream: apiserver `admission/metrics` and `admission/plugin/policy/*/metrics`. Its summary of the
steps, which repeats their histogram as quantiles, is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from prometheus_client.core import Metric

from pinnace.api.cel.admission import OUT_OF_BUDGET, Answer
from pinnace.apiserver.tallies import Counters, Histograms, Spread

_SECONDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5)
_MATCH_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25)
_POLICY_SECONDS = (0.0000005, 0.001, 0.01, 0.1, 1.0)
_ADMISSION = "apiserver_admission_"
_VALIDATING = "apiserver_validating_admission_policy_"
_MUTATING = "apiserver_mutating_admission_policy_"
_BROKEN_OUT = "identified by name and broken out for each"
_CONDITIONS = (
    "identified by name of resource containing the match condition and broken out for each kind "
    "containing matchConditions (webhook or policy), operation and admission type (validate or "
    "admit)."
)
_CODES = "Codes greater than 600 are truncated to 600, to keep the metrics cardinality bounded."
_MAX_CODE = 600
Step = Literal["admit", "validate"]
WebhookKey = tuple[str, str, str]
MatchKey = tuple[str, str, str, str]
_REJECTED = ("false", "true")
# The operations that upstream's plug-ins handle, where these are not creates and updates.
_ALL = ("CREATE", "UPDATE", "DELETE", "CONNECT")
_HANDLED: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "CertificateSubjectRestriction",
                "DefaultIngressClass",
                "DefaultStorageClass",
                "NamespaceAutoProvision",
                "PodNodeSelector",
                "PodTopologyLabels",
                "RuntimeClass",
                "StorageObjectInUseProtection",
                "TaintNodesByCondition",
            ),
            _ALL[:1],
        ),
        **dict.fromkeys(
            (
                "CertificateApproval",
                "CertificateSigning",
                "NodeDeclaredFeatureValidator",
                "PersistentVolumeClaimResize",
                "PodResizeValidator",
            ),
            _ALL[1:2],
        ),
        **dict.fromkeys(
            ("NamespaceExists", "NamespaceLifecycle", "NodeRestriction", "Priority"), _ALL[:3]
        ),
        **dict.fromkeys(
            (
                "AlwaysAdmit",
                "AlwaysDeny",
                "MutatingAdmissionWebhook",
                "ValidatingAdmissionPolicy",
                "ValidatingAdmissionWebhook",
            ),
            _ALL,
        ),
        "MutatingAdmissionPolicy": ("CREATE", "UPDATE", "CONNECT"),
    }
)

# What is no plug-in upstream.
_UNCOUNTED = frozenset(("RBACEscalation",))


class Counts:
    """The numbers of one server."""

    def __init__(self) -> None:
        self.steps = Histograms(
            f"{_ADMISSION}step_admission_duration_seconds",
            "[STABLE] Admission sub-step latency histogram in seconds, broken out for each "
            "operation and API resource and step type (validate or admit).",
            ("type", "operation", "rejected"),
            _SECONDS,
        )
        self.controllers = Histograms(
            f"{_ADMISSION}controller_admission_duration_seconds",
            f"[STABLE] Admission controller latency histogram in seconds, {_BROKEN_OUT} operation "
            "and API resource and type (validate or admit).",
            ("name", "type", "operation", "rejected"),
            _SECONDS,
        )
        self.webhooks = Histograms(
            f"{_ADMISSION}webhook_admission_duration_seconds",
            f"[STABLE] Admission webhook latency histogram in seconds, {_BROKEN_OUT} operation and "
            "API resource and type (validate or admit).",
            ("name", "type", "operation", "rejected"),
            (*_SECONDS, 10, 25),
        )
        self.webhook_rejections = Counters(
            f"{_ADMISSION}webhook_rejection_count",
            f"[ALPHA] Admission webhook rejection count, {_BROKEN_OUT} admission type (validating "
            "or admit) and operation. Additional labels specify an error type "
            "(calling_webhook_error or apiserver_internal_error if an error occurred; no_error "
            "otherwise) and optionally a non-zero rejection code if the webhook rejects the "
            "request with an HTTP status code (honored by the apiserver when the code is greater "
            f"or equal to 400). {_CODES}",
            ("name", "type", "operation", "error_type", "rejection_code"),
        )
        self.webhook_ignored = Counters(
            f"{_ADMISSION}webhook_fail_open_count",
            f"[ALPHA] Admission webhook fail open count, {_BROKEN_OUT} admission type (validating "
            "or admit).",
            ("name", "type"),
        )
        self.webhook_requests = Counters(
            f"{_ADMISSION}webhook_request_total",
            f"[ALPHA] Admission webhook request total, {_BROKEN_OUT} admission type (validating or "
            "admit) and operation. Additional labels specify whether the request was rejected or "
            f"not and an HTTP status code. {_CODES}",
            ("name", "type", "operation", "code", "rejected"),
        )
        self.match_errors = Counters(
            f"{_ADMISSION}match_condition_evaluation_errors_total",
            f"[ALPHA] Admission match condition evaluation errors count, {_CONDITIONS}",
            ("name", "kind", "type", "operation"),
        )
        self.match_exclusions = Counters(
            f"{_ADMISSION}match_condition_exclusions_total",
            f"[ALPHA] Admission match condition evaluation exclusions count, {_CONDITIONS}",
            ("name", "kind", "type", "operation"),
        )
        self.match_seconds = Histograms(
            f"{_ADMISSION}match_condition_evaluation_seconds",
            f"[ALPHA] Admission match condition evaluation time in seconds, {_BROKEN_OUT} kind "
            "containing matchConditions (webhook or policy), operation and type (validate or "
            "admit).",
            ("name", "kind", "type", "operation"),
            _MATCH_SECONDS,
        )
        self.validating = PolicyCounts(
            Counters(
                f"{_VALIDATING}check_total",
                "[BETA] Validation admission policy check total, labeled by policy and further "
                "identified by binding and enforcement action taken.",
                ("policy", "policy_binding", "error_type", "enforcement_action"),
            ),
            "[BETA] Validation admission latency for individual validation expressions in "
            "seconds, labeled by policy and further including binding and enforcement action "
            "taken.",
        )
        self.mutating = PolicyCounts(
            Counters(
                f"{_MUTATING}check_total",
                "[ALPHA] Mutation admission policy check total, labeled by policy and further "
                "identified by binding.",
                ("policy", "policy_binding", "error_type"),
            ),
            "[ALPHA] Mutation admission latency for individual mutation expressions in seconds, "
            "labeled by policy and binding.",
        )
        self._passes: list[Pass] = []

    def new_pass(self, step: Step, operation: str, names: Sequence[tuple[str, bool]]) -> "Pass":
        """Return what counts the passes of one sort of write through plug-ins, in their order.

        Each is given with whether it is asked.
        """
        made = Pass(self, step, operation, names)
        self._passes.append(made)
        return made

    def webhook(self, key: WebhookKey, seconds: float, code: int, error: str | None) -> None:
        """Count that a webhook was asked; `error` is of upstream's sorts, None for no refusal."""
        shown, rejected = str(min(code, _MAX_CODE)), _REJECTED[error is not None]
        self.webhook_requests.add((*key, shown, rejected))
        self.webhooks.observe((*key, rejected), seconds)
        if error is not None:
            self.webhook_rejections.add((*key, error, shown))

    def matched(self, key: MatchKey, seconds: float, answer: Answer) -> None:
        """Count that match conditions were asked; those that all are met take no time upstream."""
        if answer.met:
            return
        if answer.errors:
            self.match_errors.add(key, answer.errors)
        self.match_seconds.observe(key, seconds)

    def all(self) -> Iterable[Metric]:
        """Return everything as it is now."""
        for each in self._passes:
            each.settle()
        tables = (
            self.steps, self.controllers, self.webhooks, self.webhook_rejections,
            self.webhook_ignored, self.webhook_requests, self.match_errors, self.match_exclusions,
            self.match_seconds,
            self.validating.checks, self.validating.seconds,
            self.mutating.checks, self.mutating.seconds,
        )  # fmt: skip
        return [table.snapshot() for table in tables]


class PolicyCounts:
    """What is counted of policies of one sort."""

    def __init__(self, checks: Counters, seconds: str) -> None:
        self.checks = checks
        name = checks.name.replace("_total", "_duration_seconds")
        self.seconds = Histograms(name, seconds, checks.labels, _POLICY_SECONDS)

    def add(self, key: tuple[str, ...], seconds: float) -> None:
        """Count a check."""
        self.checks.add(key)
        self.seconds.observe(key, seconds)


def error_type(why: str) -> str:
    """Return how metrics call what went wrong; empty for nothing."""
    if not why:
        return "no_error"
    if why.startswith("compilation"):
        return "compile_error"
    return "out_of_budget" if why.startswith(OUT_OF_BUDGET) else "invalid_error"


class Pass:
    """The passes of one sort of write through one step of the chain.

    Upstream counts every plug-in that handles the operation, whatever the resource. Those whom the
    sort does not concern are counted when the numbers are read, by how many passes there were.
    """

    __slots__ = ("_asked", "_counts", "_done", "_idle", "_key", "_whole")

    def __init__(
        self, counts: Counts, step: Step, operation: str, names: Sequence[tuple[str, bool]]
    ) -> None:
        self._counts = counts
        self._key = step, operation
        self._whole = counts.steps.of((*self._key, _REJECTED[False]))
        self._asked: list[tuple[str, Spread]] = []
        # Those who are not asked, with how many are before them.
        self._idle: list[tuple[int, Spread]] = []
        self._done = 0
        for name, asked in names:
            key = name, *self._key, _REJECTED[False]
            loose = Spread(_SECONDS, [0] * (len(_SECONDS) + 1))
            spread = loose if name in _UNCOUNTED else counts.controllers.of(key)
            if asked:
                self._asked.append((name, spread))
            elif operation in _HANDLED.get(name, _ALL[:2]):
                self._idle.append((len(self._asked), spread))

    def passed(self, seconds: Sequence[float]) -> None:
        """Count that nobody refused, with how long each of those who were asked took."""
        self._done += 1
        self._count(seconds)

    def refused(self, seconds: Sequence[float], last: float) -> None:
        """Count a refusal after `last` seconds, by the one after those who had no objection."""
        self._count(seconds)
        refuser = self._asked[len(seconds)][0]
        if refuser not in _UNCOUNTED:
            self._counts.controllers.observe((refuser, *self._key, _REJECTED[True]), last)
        for place, spread in self._idle:
            if place <= len(seconds):
                spread.observe(0.0)

    def ended(self, seconds: float, *, rejected: bool) -> None:
        """Count the step as a whole."""
        if rejected:
            self._counts.steps.observe((*self._key, _REJECTED[True]), seconds)
        else:
            self._whole.observe(seconds)

    def settle(self) -> None:
        """Count those who had nothing to say."""
        for _, spread in self._idle:
            spread.weigh(0.0, self._done)
        self._done = 0

    def _count(self, seconds: Sequence[float]) -> None:
        for (_, spread), took in zip(self._asked, seconds, strict=False):
            if took < _SECONDS[0]:
                # What nearly all are, without looking for the place.
                spread.counts[0] += 1
                spread.total += took
            else:
                spread.observe(took)
