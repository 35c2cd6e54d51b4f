"""Evicting a Pod: a deletion that asks the Pod's disruption budget first."""

from dataclasses import replace
from types import MappingProxyType

from pinnace.api.errors import ApiError, BadRequest, TooManyRequests, forbidden
from pinnace.api.kinds.policy import PODDISRUPTIONBUDGETS
from pinnace.api.objects import Object, condition, format_time
from pinnace.api.selectors import label_selector_from_object
from pinnace.api.wire import Answer
from pinnace.apiserver import bodies, deletes
from pinnace.apiserver.answers import answer_object
from pinnace.apiserver.core import Call, Core
from pinnace.apiserver.verbs.delete import success
from pinnace.apiserver.writes import attributes, check_namespace, current, rewrite

_MAX_DISRUPTED = 2000
_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
_EVICTED = MappingProxyType(
    {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
)
_SEVERAL = (
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not "
    "support."
)


async def evict(core: Core, call: Call) -> Answer:
    """Delete the Pod if its budget allows it; 429 if it does not."""
    eviction = await bodies.read_other(core, call, api_version="policy/v1", kind="Eviction")
    name, namespace = call.info.name, call.namespace
    if eviction["metadata"].get("name") not in (None, "", name):
        raise BadRequest("name in URL does not match name in Eviction object")
    options = deletes.options_from(eviction.get("deleteOptions") or {}, call.request.query)
    check_namespace(call, eviction["metadata"])
    attempt = attributes(core, call, "CREATE", eviction, None)
    await core.admission.mutate(attempt)
    await core.admission.validate(attempt)
    pod = (await current(core, call.row, namespace, name)).decode()
    if not _is_past_budgets(pod):
        await _spend(core, pod, dry_run=options.dry_run)
    if not options.dry_run:
        options = await _mark(core, call, options)
    await deletes.delete(core, call, name, namespace, options, admit=False)
    return answer_object(call.request, success(code=201), code=201)


async def _mark(core: Core, call: Call, options: deletes.Options) -> deletes.Options:
    """Write into the Pod why it goes; a Job's failure policy reads that.

    Return the options for what is left to do: the Pod has another version now.
    """
    name, namespace = call.info.name, call.namespace
    deletes.check_preconditions(call.row, await current(core, call.row, namespace, name), options)
    now = format_time(core.clock.now())
    marked = await rewrite(core, call.row, namespace, name, lambda pod: _evicted(pod, now))
    return replace(options, version=str(marked.revision)) if options.version else options


def _evicted(pod: Object, now: str) -> Object:
    conditions = pod.setdefault("status", {}).setdefault("conditions", [])
    told = condition(pod, "DisruptionTarget")
    since = told.get("lastTransitionTime") if told and told.get("status") == "True" else now
    if told is None:
        told = {"type": "DisruptionTarget"}
        conditions.append(told)
    told |= {"status": "True", "lastProbeTime": None, "lastTransitionTime": since, **_EVICTED}
    return pod


def _is_past_budgets(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    deleted = bool(pod["metadata"].get("deletionTimestamp"))
    return deleted or phase in ("Succeeded", "Failed", "Pending")


async def _spend(core: Core, pod: Object, *, dry_run: bool) -> None:
    """Take one disruption from the Pod's budget; raises TooManyRequests if there is none left."""
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    await core.cache(PODDISRUPTIONBUDGETS)
    labels = pod["metadata"].get("labels") or {}
    budgets = [
        budget
        for budget in core.lookup.list(PODDISRUPTIONBUDGETS, namespace)
        if label_selector_from_object((budget.get("spec") or {}).get("selector")).matches(labels)
    ]
    if len(budgets) > 1:
        raise ApiError(_SEVERAL, code=500, reason="")
    if not budgets or _may_go_unready(pod, budgets[0]):
        return
    now = format_time(core.clock.now())

    def spent(budget: Object) -> Object:
        return _spent(budget, name, now)

    if dry_run:
        spent(bodies.copy(budgets[0]))
    else:
        await rewrite(core, PODDISRUPTIONBUDGETS, namespace, budgets[0]["metadata"]["name"], spent)


def _may_go_unready(pod: Object, budget: Object) -> bool:
    ready = condition(pod, "Ready")
    if ready is not None and ready.get("status") == "True":
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy") or 0
    return desired > 0 and (status.get("currentHealthy") or 0) >= desired


def _spent(budget: Object, pod: str, now: str) -> Object:
    """Return the budget with one disruption less, and the Pod noted as disrupted."""
    metadata, status = budget["metadata"], budget.setdefault("status", {})
    name = metadata["name"]
    if (status.get("observedGeneration") or 0) < (metadata.get("generation") or 0):
        text = f"The disruption budget {name} is still being processed by the server."
        raise _violated(text, retry=10)
    allowed = status.get("disruptionsAllowed") or 0
    if allowed < 0:
        raise forbidden(
            "poddisruptionbudget", "policy", name, "pdb disruptions allowed is negative"
        )
    disrupted = status.setdefault("disruptedPods", {})
    if len(disrupted) > _MAX_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise forbidden("poddisruptionbudget", "policy", name, why)
    if allowed == 0:
        raise _violated(_why(budget, status), retry=0)
    status["disruptionsAllowed"] = allowed - 1
    disrupted[pod] = now
    return budget


def _why(budget: Object, status: Object) -> str:
    name = budget["metadata"]["name"]
    found = condition(budget, "DisruptionAllowed") or {}
    refused = found.get("status") == "False" and found.get("message")
    text = f"The disruption budget {name} does not allow evicting pods currently"
    if refused and found.get("reason") == "SyncFailed":
        return f"{text} because it failed sync: {found['message']}"
    current_healthy = status.get("currentHealthy") or 0
    desired = status.get("desiredHealthy") or 0
    if current_healthy <= desired:
        return (
            f"The disruption budget {name} needs {desired} healthy pods and has "
            f"{current_healthy} currently"
        )
    return f"{text} ({found.get('reason')}): {found['message']}" if refused else text


def _violated(cause: str, *, retry: int) -> TooManyRequests:
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry:
        details["retryAfterSeconds"] = retry
    return TooManyRequests(_VIOLATED, details=details)
