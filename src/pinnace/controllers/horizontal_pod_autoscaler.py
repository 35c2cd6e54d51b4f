"""Sizes what has a scale by what metrics say of its Pods.

Every fifteen seconds each autoscaler's metrics are read (`shared.autoscale_metrics`), the highest
number that one asks for is taken (`shared.autoscale`), and held back (`shared.autoscale_limits`).
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson

from pinnace.api.errors import ApiError, BadRequest
from pinnace.api.kinds.autoscaling import HORIZONTALPODAUTOSCALERS
from pinnace.api.kinds.core import PODS
from pinnace.api.kinds.table import RESOURCES
from pinnace.api.objects import Key, Object, copied, format_time
from pinnace.api.resources import Resource
from pinnace.api.selectors import LabelSelector, parse_label_selector
from pinnace.client.events import EventKind
from pinnace.controllers.base import Context, Controller
from pinnace.controllers.shared import autoscale, autoscale_limits, autoscale_metrics, conditions
from pinnace.controllers.shared.autoscale import MetricError
from pinnace.controllers.shared.autoscale_limits import Bounds, History, Told
from pinnace.controllers.shared.autoscale_metrics import REASONS, Answer, Target
from pinnace.controllers.shared.discovery import served

# Upstream's --horizontal-pod-autoscaler-sync-period.
_PERIOD = timedelta(seconds=15)


@dataclass(slots=True)
class State:
    """What is remembered of each autoscaler."""

    histories: dict[Key, History] = field(default_factory=dict)
    due: dict[Key, datetime] = field(default_factory=dict)
    selectors: dict[Key, LabelSelector] = field(default_factory=dict)

    def forget(self, key: Key) -> None:
        """Drop an autoscaler that is gone."""
        for known in (self.histories, self.due, self.selectors):
            known.pop(key, None)


class _Unscalable(Exception):
    """The pass ends here; the conditions say why."""


def put_condition(known: list[Object], kind: str, told: Told, now: datetime) -> list[Object]:
    """Return the conditions with one of them as told, in its place."""
    old = conditions.find(known, kind)
    same = old is not None and old["status"] == told.status
    stamp = old["lastTransitionTime"] if old is not None and same else format_time(now)
    new = {
        "type": kind,
        "status": told.status,
        "lastTransitionTime": stamp,
        "reason": told.reason,
        "message": told.message,
    }
    if old is None:
        return [*known, new]
    return [new if entry["type"] == kind else entry for entry in known]


@dataclass(slots=True)
class _Pass:
    """One pass over one autoscaler, a private copy whose status is built up."""

    ctx: Context
    key: Key
    autoscaler: Object
    now: datetime
    metric_statuses: list[Object] = field(default_factory=list)

    @property
    def _status(self) -> Object:
        status: Object = self.autoscaler["status"]
        return status

    async def run(self) -> None:
        old = copied(self._status)
        with contextlib.suppress(_Unscalable):
            await self._scale()
        if conditions.pruned(old) != conditions.pruned(self._status):
            await self._write()

    async def _write(self) -> None:
        try:
            await self.ctx.client.update(
                HORIZONTALPODAUTOSCALERS, self.autoscaler, subresource="status"
            )
        except ApiError as error:
            self._event("FailedUpdateStatus", error.message, "Warning")
            raise

    def _event(self, reason: str, message: str, kind: EventKind) -> None:
        self.ctx.events.event(self.autoscaler, type=kind, reason=reason, message=message)

    def _tell(self, kind: str, reason: str, message: str, status: str = "True") -> None:
        known = self._status.get("conditions") or []
        told = Told(reason, message, status)
        self._status["conditions"] = put_condition(known, kind, told, self.now)

    async def _scale(self) -> None:
        row, scale = await self._target()
        current = int((scale.get("spec") or {}).get("replicas") or 0)
        text = "the HPA controller was able to get the target's current scale"
        self._tell("AbleToScale", "SucceededGetScale", text)
        history = self.ctx.state.histories.setdefault(self.key, History())
        if not history.recommended:
            history.recommend(current, self.now, 0)
        wanted, reason = await self._wanted(scale, current, history)
        if wanted == current:
            self._set_status(current, current, rescaled=False)
            return
        await self._rescale(row, scale, wanted, reason)
        rules = autoscale_limits.rules(self.autoscaler)
        history.rescaled(current, wanted, self.now, rules)
        self._set_status(current, wanted, rescaled=True)

    async def _wanted(self, scale: Object, current: int, history: History) -> tuple[int, str]:
        spec = self.autoscaler["spec"]
        least = spec.get("minReplicas")
        bounds = Bounds(1 if least is None else int(least), int(spec["maxReplicas"]), current)
        if current == 0:
            text = "scaling is disabled since the replica count of the target is zero"
            self._tell("ScalingActive", "ScalingDisabled", text, "False")
            return 0, ""
        if current > bounds.most:
            return bounds.most, "Current number of replicas above Spec.MaxReplicas"
        if current < bounds.least:
            return bounds.least, "Current number of replicas below Spec.MinReplicas"
        best = await self._ask_metrics(scale, current)
        wanted = max(best.replicas, 0)
        reason = ""
        if wanted > current:
            reason = f"{best.name} above target"
        elif wanted < current:
            reason = "All metrics below target"
        rules = autoscale_limits.rules(self.autoscaler)
        decision = autoscale_limits.decide(wanted, bounds, rules, history, self.now)
        for kind, told in (("AbleToScale", decision.able), ("ScalingLimited", decision.limited)):
            self._tell(kind, told.reason, told.message, told.status)
        return decision.replicas, reason

    async def _target(self) -> tuple[Resource, Object]:
        """Return what is scaled, and its scale."""
        ref = self.autoscaler["spec"]["scaleTargetRef"]
        try:
            rows = await self._rows(ref)
            return await self._first_scale(rows, ref["name"])
        except ApiError as error:
            self._event("FailedGetScale", error.message, "Warning")
            text = f"the HPA controller was unable to get the target's current scale: {error}"
            self._tell("AbleToScale", "FailedGetScale", text, "False")
            raise _Unscalable from error

    async def _rows(self, ref: Object) -> list[Resource]:
        wanted = (ref["kind"], ref.get("apiVersion", "").rpartition("/")[0])
        found = [row for row in RESOURCES if (row.kind, row.group) == wanted]
        if not found:
            custom, _ = await served(self.ctx.client)
            found = [row for row in custom if (row.kind, row.group) == wanted]
        if not found:
            raise BadRequest(f'no matches for kind "{wanted[0]}" in group "{wanted[1]}"')
        return found

    async def _first_scale(self, rows: list[Resource], name: str) -> tuple[Resource, Object]:
        first: ApiError | None = None
        for row in rows:
            path = row.url(self.key.namespace, name, "scale")
            try:
                return row, orjson.loads(await self.ctx.client.raw("GET", path))
            except ApiError as error:
                first = first or error
        assert first is not None
        raise first

    async def _rescale(self, row: Resource, scale: Object, wanted: int, reason: str) -> None:
        spec = {**(scale.get("spec") or {}), "replicas": wanted}
        size = f"New size: {wanted}; reason: {reason}"
        try:
            await self.ctx.client.update(row, {**scale, "spec": spec}, subresource="scale")
        except ApiError as error:
            self._event("FailedRescale", f"{size}; error: {error.message}", "Warning")
            text = f"the HPA controller was unable to update the target scale: {error.message}"
            self._tell("AbleToScale", "FailedUpdateScale", text, "False")
            self._keep_desired(scale)
            raise _Unscalable from error
        text = f"the HPA controller was able to update the target scale to {wanted}"
        self._tell("AbleToScale", "SucceededRescale", text)
        self._event("SuccessfulRescale", size, "Normal")

    def _keep_desired(self, scale: Object) -> None:
        current = int((scale.get("spec") or {}).get("replicas") or 0)
        self._set_status(current, int(self._status.get("desiredReplicas") or 0), rescaled=False)

    def _set_status(self, current: int, desired: int, *, rescaled: bool) -> None:
        old = self._status
        last = format_time(self.now) if rescaled else old.get("lastScaleTime")
        status: Object = {
            "lastScaleTime": last,
            "currentReplicas": current,
            "desiredReplicas": desired,
            "currentMetrics": self.metric_statuses or None,
            "conditions": old.get("conditions"),
        }
        self.autoscaler["status"] = {n: v for n, v in status.items() if v is not None}

    async def _ask_metrics(self, scale: Object, current: int) -> Answer:
        """Return the highest answer; without one for a metric nothing may shrink."""
        try:
            return await self._best(scale, current)
        except MetricError as error:
            self._keep_desired(scale)
            self._event("FailedComputeMetricsReplicas", str(error), "Warning")
            raise _Unscalable from error

    async def _best(self, scale: Object, current: int) -> Answer:
        specs = self.autoscaler["spec"].get("metrics") or []
        target = self._metric_target(scale, current)
        best: Answer | None = None
        failures: list[tuple[Object, MetricError]] = []
        for metric in specs:
            try:
                answer = await autoscale_metrics.ask(metric, target)
            except MetricError as error:
                reason = REASONS.get(metric["type"], "InvalidMetricSourceType")
                self._event(reason, str(error), "Warning")
                failures.append((metric, error))
                self.metric_statuses.append({"type": ""})
                continue
            self.metric_statuses.append(answer.status)
            if best is None or best.replicas == 0 or answer.replicas > best.replicas:
                best = answer
        if failures and (best is None or best.replicas < current):
            raise self._told_failure(failures, len(specs))
        if best is None:
            raise MetricError("no metrics are specified")
        text = "the HPA was able to successfully calculate a replica count from"
        self._tell("ScalingActive", "ValidMetricFound", f"{text} {best.name}")
        return best

    def _told_failure(self, failures: list[tuple[Object, MetricError]], count: int) -> MetricError:
        metric, error = failures[0]
        reason = REASONS.get(metric["type"], "InvalidMetricSourceType")
        text = f"the HPA was unable to compute the replica count: {error}"
        self._tell("ScalingActive", reason, text, "False")
        said = autoscale_metrics.failure_text(metric, error)
        bad = f"invalid metrics ({len(failures)} invalid out of {count})"
        return MetricError(f"{bad}, first error is: {said}")

    def _metric_target(self, scale: Object, current: int) -> Target:
        told = scale.get("status") or {}
        text = told.get("selector") or ""
        selector = self._selector(text)
        found = [
            pod
            for pod in self.ctx.informers.informer(PODS).list(self.key.namespace)
            if selector.matches(pod["metadata"].get("labels"))
        ]
        self._check_alone(text, selector, found)
        return Target(
            client=self.ctx.client,
            namespace=self.key.namespace,
            selector=text,
            pods=found,
            wanted=current,
            actual=int(told.get("replicas") or 0),
            tolerances=autoscale.tolerances(self.autoscaler),
            now=self.now,
        )

    def _selector(self, text: str) -> LabelSelector:
        if not text:
            message = "the HPA target's scale is missing a selector"
            self._event("SelectorRequired", "selector is required", "Warning")
            self._tell("ScalingActive", "InvalidSelector", message, "False")
            raise MetricError("selector is required")
        try:
            return parse_label_selector(text)
        except BadRequest as error:
            what = "couldn't convert selector into a corresponding internal selector object"
            message = f"{what}: {error.message}"
            self._event("InvalidSelector", message, "Warning")
            self._tell("ScalingActive", "InvalidSelector", message, "False")
            raise MetricError(message) from error

    def _check_alone(self, text: str, selector: LabelSelector, found: list[Object]) -> None:
        """Refuse to size Pods that another autoscaler sizes."""
        known: dict[Key, LabelSelector] = self.ctx.state.selectors
        known[self.key] = selector
        rivals = sorted(
            key
            for key, other in known.items()
            if key.namespace == self.key.namespace
            and any(other.matches(pod["metadata"].get("labels")) for pod in found)
        )
        if len(rivals) > 1:
            listed = " ".join(f"{{{key.name} {key.namespace}}}" for key in rivals)
            message = f"pods by selector {text} are controlled by multiple HPAs: [{listed}]"
            self._event("AmbiguousSelector", message, "Warning")
            self._tell("ScalingActive", "AmbiguousSelector", message, "False")
            raise MetricError(message)


async def reconcile(key: Key, ctx: Context) -> timedelta | None:
    """Size the target if its time has come; events alone do not hurry it."""
    state: State = ctx.state
    found = ctx.informers.informer(HORIZONTALPODAUTOSCALERS).get(key)
    if found is None:
        state.forget(key)
        return None
    now = ctx.clock.now()
    due = state.due.setdefault(key, now + _PERIOD)
    if now < due:
        return due - now
    state.due[key] = now + _PERIOD
    autoscaler = copied(found)
    autoscaler.setdefault("status", {})
    await _Pass(ctx, key, autoscaler, now).run()
    return _PERIOD


def _nobody(obj: Object, ctx: Context) -> Iterable[Key]:
    return ()


HORIZONTAL_POD_AUTOSCALER = Controller(
    name="horizontal-pod-autoscaler-controller",
    account="horizontal-pod-autoscaler",
    component="horizontal-pod-autoscaler",
    on=HORIZONTALPODAUTOSCALERS,
    reconcile=reconcile,
    also=((PODS, _nobody),),
    prepare=lambda ctx: State(),
)
