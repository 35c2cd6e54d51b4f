"""Rules of Leases and of who would like to lead (LeaseCandidates)."""

import re

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import IMMUTABLE, Report

STRATEGIES = ("OldestEmulationVersion",)
NOT_A_VERSION = "must be a valid semantic version"
_NUMBER = r"(0|[1-9]\d*)"
_PART = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMVER = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PART}(?:\.{_PART})*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)
Version = tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]
NOTHING: Version = ((0, 0, 0), True, ())


def check_lease(report: Report, lease: Object) -> None:
    """Check a Lease."""
    spec = report.child(lease, "spec", "") or {}
    seconds = report.number(spec, "leaseDurationSeconds", "spec")
    if seconds is not None and seconds <= 0:
        report.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    report.non_negative(spec, "leaseTransitions", "spec")
    strategy = report.text(spec, "strategy", "spec")
    if spec.get("strategy") is not None:
        _check_strategy(report, strategy)
    if report.text(spec, "preferredHolder", "spec") and not strategy:
        detail = "may only be specified if `strategy` is defined"
        report.forbidden("spec.preferredHolder", detail)


def _check_strategy(report: Report, strategy: str) -> None:
    # Upstream names the field twice.
    where = "spec.strategy.strategy"
    if "/" in strategy:
        report.said(where, strategy, names.qualified_name(strategy))
    elif strategy not in STRATEGIES:
        report.not_supported(where, strategy, STRATEGIES)


def check_candidate(report: Report, candidate: Object) -> None:
    """Check a LeaseCandidate."""
    spec = report.child(candidate, "spec", "") or {}
    if not report.text(spec, "leaseName", "spec"):
        report.required("spec.leaseName")
    emulated = _check_version(report, spec, "emulationVersion")
    if not report.text(spec, "binaryVersion", "spec"):
        report.required("spec.binaryVersion")
    binary = _check_version(report, spec, "binaryVersion")
    if spec.get("binaryVersion") and spec.get("emulationVersion") and binary < emulated:
        detail = "must be greater than or equal to `emulationVersion`"
        report.invalid("spec.binaryVersion", spec["binaryVersion"], detail)
    strategy = report.text(spec, "strategy", "spec")
    if not strategy:
        report.required("spec.strategy")
        return
    if strategy in STRATEGIES and emulated == NOTHING:
        detail = "must be specified when `strategy` is 'OldestEmulationVersion'"
        report.required("spec.emulationVersion", detail)
    _check_strategy(report, strategy)


def _check_version(report: Report, spec: Object, key: str) -> Version:
    text = report.text(spec, key, "spec")
    found = _SEMVER.fullmatch(text)
    if found is None:
        if text:
            report.invalid(f"spec.{key}", text, NOT_A_VERSION)
        return NOTHING
    major, minor, patch, before = found.groups()
    parts = tuple(
        (not part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in (before.split(".") if before else ())
    )
    return (int(major), int(minor), int(patch)), before is None, parts


def check_candidate_kept(report: Report, candidate: Object, old: Object) -> None:
    """Check that a candidate stays one for the same lease."""
    name = report.text(report.child(candidate, "spec", "") or {}, "leaseName", "spec")
    if name != ((old.get("spec") or {}).get("leaseName") or ""):
        report.invalid("spec.leaseName", name, IMMUTABLE)
