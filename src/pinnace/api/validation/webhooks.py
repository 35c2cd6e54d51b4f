"""Rules of Validating- and MutatingWebhookConfigurations."""

from dataclasses import dataclass

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.matching import (
    FAILURE_POLICIES,
    MATCH_POLICIES,
    check_choice,
    check_match_conditions,
    check_operations_rule,
)
from pinnace.api.validation.metadata import check_selector
from pinnace.api.validation.weburls import check_client

REVIEW_VERSIONS = ("v1", "v1beta1")
NO_SIDE_EFFECTS = ("None", "NoneOnDryRun")
SIDE_EFFECTS = ("None", "NoneOnDryRun", "Some", "Unknown")
REINVOCATION_POLICIES = ("IfNeeded", "Never")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strictness:
    """What is asked of a configuration; one that was stored with a fault may keep it."""

    no_side_effects: bool = True
    known_version: bool = True
    unique_names: bool = True
    label_values: bool = True
    conditions: bool = True


def check_webhooks(report: Report, configuration: Object) -> None:
    """Check a new configuration."""
    _check(report, configuration, _Strictness())


def check_webhooks_update(report: Report, configuration: Object, old: Object) -> None:
    """Check a changed configuration, as strictly as the old one stands it."""
    before = [hook for hook in old.get("webhooks") or () if isinstance(hook, dict)]
    hooks = [hook for _, hook in report.objects(configuration, "webhooks", "")]
    strictness = _Strictness(
        no_side_effects=all(hook.get("sideEffects") in NO_SIDE_EFFECTS for hook in before),
        known_version=all(
            set(hook.get("admissionReviewVersions") or REVIEW_VERSIONS) & set(REVIEW_VERSIONS)
            for hook in before
        ),
        unique_names=len({hook.get("name") for hook in before}) == len(before),
        label_values=not any(map(_selector_is_bad, before)),
        conditions=[hook.get("matchConditions") for hook in hooks]
        != [hook.get("matchConditions") for hook in before],
    )
    _check(report, configuration, strictness)


def _selector_is_bad(hook: Object) -> bool:
    trial = Report()
    for key in ("namespaceSelector", "objectSelector"):
        check_selector(trial, hook, key, "")
    return bool(trial.causes)


def _check(report: Report, configuration: Object, strictness: _Strictness) -> None:
    seen: set[str] = set()
    for path, hook in report.objects(configuration, "webhooks", ""):
        _check_hook(report, hook, path, strictness)
        versions = report.texts(hook, "admissionReviewVersions", path)
        check_review_versions(
            report, versions, f"{path}.admissionReviewVersions",
            known=strictness.known_version,
            missing=f"must specify one of {', '.join(REVIEW_VERSIONS)}",
        )  # fmt: skip
        name = hook.get("name")
        if strictness.unique_names and isinstance(name, str) and name:
            if name in seen:
                report.duplicate(f"{path}.name", name)
            seen.add(name)


def _check_hook(report: Report, hook: Object, path: str, strictness: _Strictness) -> None:
    name = report.text(hook, "name", path)
    if not name:
        report.required(f"{path}.name")
    else:
        report.said(f"{path}.name", name, names.fully_qualified_name(name))
    for at, rule in report.objects(hook, "rules", path):
        check_operations_rule(report, rule, at)
    check_choice(report, hook, "failurePolicy", path, FAILURE_POLICIES)
    check_choice(report, hook, "matchPolicy", path, MATCH_POLICIES)
    allowed = NO_SIDE_EFFECTS if strictness.no_side_effects else SIDE_EFFECTS
    if hook.get("sideEffects") is None:
        report.required(f"{path}.sideEffects", f"must specify one of {', '.join(allowed)}")
    check_choice(report, hook, "sideEffects", path, allowed)
    seconds = report.number(hook, "timeoutSeconds", path)
    if seconds is not None and not 1 <= seconds <= 30:
        detail = "the timeout value must be between 1 and 30 seconds"
        report.invalid(f"{path}.timeoutSeconds", seconds, detail)
    for key in ("namespaceSelector", "objectSelector"):
        check_selector(report, hook, key, path, any_value=not strictness.label_values)
    check_choice(report, hook, "reinvocationPolicy", path, REINVOCATION_POLICIES)
    config = report.child(hook, "clientConfig", path) or {}
    check_client(report, config, f"{path}.clientConfig")
    if strictness.conditions:
        check_match_conditions(report, hook, path, params=False)


def check_review_versions(
    report: Report, versions: list[str], path: str, *, known: bool, missing: str = ""
) -> None:
    """Check the versions of the review that a webhook is sent, one of which must be ours."""
    if not versions:
        report.required(path, missing)
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            report.invalid(f"{path}[{index}]", version, "duplicate version")
            continue
        report.said(f"{path}[{index}]", version, names.dns1035_label(version))
    if known and not set(versions) & set(REVIEW_VERSIONS):
        report.invalid(path, versions, f"must include at least one of {', '.join(REVIEW_VERSIONS)}")
