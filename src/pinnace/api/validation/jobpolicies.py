"""Rules of when a Job counts as failed or as done: failure and success policies, indexes."""

from pinnace.api import names
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, quoted, too_long, too_many

ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
OPERATORS = ("In", "NotIn")
STATUSES = ("False", "True", "Unknown")
MOST_RULES, MOST_CODES, LONGEST_INDEXES = 20, 255, 64 * 1024


def _valid(values: tuple[str, ...]) -> str:
    return f"valid values: [{' '.join(map(quoted, values))}]"


def without_value(path: str, detail: str) -> Cause:
    """Tell of something wrong that no single value shows."""
    return Cause("FieldValueInvalid", path, f"Invalid value: {detail}")


def check_failure_policy(report: Report, spec: Object, policy: Object, path: str) -> None:
    """Check which failures of pods count, and how."""
    rules = report.objects(policy, "rules", path)
    if len(rules) > MOST_RULES:
        report.add(too_many(f"{path}.rules", len(rules), MOST_RULES))
    quiet = Report()
    pod = quiet.child(quiet.child(spec, "template", "") or {}, "spec", "") or {}
    known = {
        container.get("name") or ""
        for key in ("containers", "initContainers")
        for _, container in quiet.objects(pod, key, "")
    }
    for at, rule in rules:
        _check_action(report, spec, rule, at)
        codes = report.child(rule, "onExitCodes", at)
        conditions = report.objects(rule, "onPodConditions", at)
        if codes is not None:
            _check_exit_codes(report, codes, f"{at}.onExitCodes", known)
        _check_conditions(report, conditions, f"{at}.onPodConditions")
        if codes is not None and conditions:
            detail = "specifying both OnExitCodes and OnPodConditions is not supported"
            report.add(without_value(at, detail))
        if codes is None and not conditions:
            detail = "specifying one of OnExitCodes and OnPodConditions is required"
            report.add(without_value(at, detail))


def _check_action(report: Report, spec: Object, rule: Object, path: str) -> None:
    action, where = report.text(rule, "action", path), f"{path}.action"
    if not action:
        report.required(where, _valid(ACTIONS))
    elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        report.invalid(where, action, "requires the backoffLimitPerIndex to be set")
    elif action not in ACTIONS:
        report.not_supported(where, action, ACTIONS)


def _check_conditions(report: Report, conditions: list[tuple[str, Object]], path: str) -> None:
    if len(conditions) > MOST_RULES:
        report.add(too_many(path, len(conditions), MOST_RULES))
    for at, pattern in conditions:
        kind, status = report.text(pattern, "type", at), report.text(pattern, "status", at)
        report.said(f"{at}.type", kind, names.qualified_name(kind))
        if not status:
            report.required(f"{at}.status", _valid(STATUSES))
        elif status not in STATUSES:
            report.not_supported(f"{at}.status", status, STATUSES)


def _check_exit_codes(report: Report, codes: Object, path: str, known: set[str]) -> None:
    operator = report.text(codes, "operator", path)
    if not operator:
        report.required(f"{path}.operator", _valid(OPERATORS))
    elif operator not in OPERATORS:
        report.not_supported(f"{path}.operator", operator, OPERATORS)
    name = report.text(codes, "containerName", path)
    if codes.get("containerName") is not None and name not in known:
        detail = "must be one of the container or initContainer names in the pod template"
        report.invalid(f"{path}.containerName", name, detail)
    _check_codes(report, codes, path, operator)


def _check_codes(report: Report, codes: Object, path: str, operator: str) -> None:
    values, where = report.items(codes, "values", path), f"{path}.values"
    if not values:
        report.invalid(where, codes.get("values"), "at least one value is required")
    elif len(values) > MOST_CODES:
        report.add(too_many(where, len(values), MOST_CODES))
    for index, value in enumerate(values):
        if value == 0 and operator == "In":
            report.invalid(f"{where}[{index}]", value, "must not be 0 for the In operator")
        if value in values[:index]:
            report.duplicate(f"{where}[{index}]", value)
    numbers = [value for value in values if isinstance(value, int)]
    if numbers != sorted(numbers):
        report.invalid(where, values, "must be ordered")


def check_success_policy(report: Report, spec: Object, policy: Object, path: str) -> None:
    """Check which indexes must succeed for an indexed Job to be done."""
    rules, where = report.objects(policy, "rules", path), f"{path}.rules"
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        report.required(where, detail)
    if len(rules) > MOST_RULES:
        report.add(too_many(where, len(rules), MOST_RULES))
    completions = report.number(spec, "completions", "")
    for at, rule in rules:
        if completions is not None:
            _check_success_rule(report, rule, at, completions)


def _check_success_rule(report: Report, rule: Object, path: str, completions: int) -> None:
    count = report.number(rule, "succeededCount", path)
    given = rule.get("succeededIndexes") is not None
    if count is None and not given:
        detail = "at least one of succeededCount or succeededIndexes must be specified"
        report.required(path, detail)
    total, where = 0, f"{path}.succeededIndexes"
    if given:
        indexes = report.text(rule, "succeededIndexes", path)
        if len(indexes) > LONGEST_INDEXES:
            report.add(too_long(where, LONGEST_INDEXES))
        try:
            total = count_indexes(indexes, completions)
        except ValueError as error:
            report.invalid(where, indexes, f"error parsing succeededIndexes: {error}")
    if count is None:
        return
    report.non_negative(rule, "succeededCount", path)
    for limit, what in (
        (completions, "the number of specified completions"),
        (
            total if given else count,
            "the number of indexes in the specified succeededIndexes field",
        ),
    ):
        if count > limit:
            detail = f"must be less than or equal to {limit} ({what})"
            report.invalid(f"{path}.succeededCount", count, detail)


def count_indexes(indexes: str, completions: int) -> int:
    """Return how many indexes a list such as `0-2,5` has; raises ValueError with what is wrong."""
    total, last = 0, -1
    for place, part in enumerate(indexes.split(",") if indexes else ()):
        first, end = index_interval(part, completions)
        if place and last >= first:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        total += end - first + 1
        last = end
    return total


def index_interval(part: str, completions: int) -> tuple[int, int]:
    """Return the ends of an interval; raises ValueError with what is wrong."""
    ends = part.split("-")
    if len(ends) > 2:
        raise ValueError(
            f"the fragment {quoted(part)} violates the requirement that an index interval can have "
            "at most two parts separated by '-'"
        )
    numbers = []
    for text in ends:
        if not text.removeprefix("+").isdecimal() or not text.isascii():
            raise ValueError(f"cannot convert string to integer for index: {quoted(text)}")
        if int(text) >= completions:
            raise ValueError(f"too large index: {quoted(text)}")
        numbers.append(int(text))
    if len(numbers) == 2 and numbers[0] >= numbers[1]:
        raise ValueError(f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}")
    return numbers[0], numbers[-1]
