"""Rules of metadata: names, labels, annotations, owners, finalizers, and label selectors."""

from collections.abc import Callable, Mapping

from pinnace.api import names
from pinnace.api.errors import Cause
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report, join, shown, too_long

NameRule = Callable[[str], list[str]]
ANNOTATIONS_LIMIT = 256 * 1024
STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")
UPDATE_KEEPS = (
    "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds",
)  # fmt: skip


def check_metadata(
    report: Report,
    obj: Object,
    *,
    namespaced: bool,
    name_rule: NameRule,
    any_finalizer: bool = False,
) -> Object:
    """Check an object's metadata and return it (empty when it is no object).

    `any_finalizer` says that finalizers need no domain, as for custom resources.
    """
    meta = report.child(obj, "metadata", "") or {}
    name = report.text(meta, "name", "metadata")
    prefix = report.text(meta, "generateName", "metadata")
    if prefix:
        report.said("metadata.generateName", prefix, name_rule(_as_whole_name(prefix)))
    if not name:
        report.required("metadata.name", "name or generateName is required")
    else:
        report.said("metadata.name", name, name_rule(name))
    namespace = report.text(meta, "namespace", "metadata")
    if namespaced:
        if not namespace:
            report.required("metadata.namespace")
        else:
            report.said("metadata.namespace", namespace, names.dns1123_label(namespace))
    elif namespace:
        report.forbidden("metadata.namespace", "not allowed on this type")
    report.non_negative(meta, "generation", "metadata")
    _check_common(report, meta)
    _check_finalizers(report, meta, any_finalizer=any_finalizer)
    return meta


def _check_common(report: Report, meta: Object) -> None:
    if meta.get("labels"):
        check_labels(report, meta, "labels", "metadata")
    if meta.get("annotations"):
        check_annotations(report, meta, "metadata")
    if meta.get("ownerReferences"):
        _check_owners(report, meta)


def check_metadata_update(report: Report, obj: Object, old: Object) -> None:
    """Check what an update may not do to metadata (the rest is checked as on creation)."""
    meta, before = report.child(obj, "metadata", "") or {}, old.get("metadata") or {}
    if before.get("deletionTimestamp"):
        extra = set(report.texts(meta, "finalizers", "metadata")) - set(
            before.get("finalizers") or ()
        )
        if extra:
            listed = ", ".join(shown(name) for name in sorted(extra))
            report.forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new "
                f"finalizers []string{{{listed}}}",
            )
    generation, previous = meta.get("generation") or 0, before.get("generation") or 0
    if isinstance(generation, int) and generation < previous:
        report.invalid("metadata.generation", generation, "must not be decremented")
    for key in UPDATE_KEEPS:
        report.immutable(meta.get(key), before.get(key), f"metadata.{key}")
    _check_common(report, meta)


def check_labels(report: Report, parent: Object, key: str, path: str) -> dict[str, str]:
    """Check a field that holds labels and return it."""
    labels = report.mapping(parent, key, path)
    where = join(path, key)
    for name, value in labels.items():
        report.said(where, name, names.qualified_name(name))
        report.said(where, value, names.label_value(value))
    return labels


def check_annotations(report: Report, parent: Object, path: str) -> None:
    """Check annotations: their keys, and their size as a whole."""
    annotations = report.mapping(parent, "annotations", path)
    where = join(path, "annotations")
    for name in annotations:
        report.said(where, name, names.qualified_name(name.lower()))
    if annotations_size(annotations) > ANNOTATIONS_LIMIT:
        report.add(too_long(where, ANNOTATIONS_LIMIT))


def label_faults(labels: Mapping[str, str]) -> list[Cause]:
    """Return what is wrong with an object's labels."""
    report = Report()
    check_labels(report, {"labels": dict(labels)}, "labels", "metadata")
    return report.causes


def annotation_faults(annotations: Mapping[str, str]) -> list[Cause]:
    """Return what is wrong with an object's annotations."""
    report = Report()
    check_annotations(report, {"annotations": dict(annotations)}, "metadata")
    return report.causes


def annotations_size(annotations: Mapping[str, str]) -> int:
    """Return how many bytes keys and values have together."""
    return sum(
        len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        for pair in annotations.items()
        for text in pair
    )


def _check_owners(report: Report, meta: Object) -> None:
    where = "metadata.ownerReferences"
    first = ""
    for path, ref in report.objects(meta, "ownerReferences", "metadata"):
        api_version = report.text(ref, "apiVersion", path)
        kind = report.text(ref, "kind", path)
        # What has more than one slash is no version at all.
        if api_version.count("/") > 1 or not api_version.rpartition("/")[2]:
            report.invalid(f"{where}.apiVersion", api_version, "version must not be empty")
        for key in ("kind", "name", "uid"):
            if not report.text(ref, key, path):
                report.invalid(f"{where}.{key}", "", "must not be empty")
        if (api_version, kind) == ("v1", "Event"):
            report.invalid(where, ref, "/v1, Kind=Event is disallowed from being an owner")
        if report.flag(ref, "controller", path):
            current = f"{kind}/{ref.get('name')}"
            if first:
                report.invalid(
                    where,
                    meta["ownerReferences"],
                    "Only one reference can have Controller set to true. Found "
                    f'"true" in references for {first} and {current}',
                )
            else:
                first = current


def _check_finalizers(report: Report, meta: Object, *, any_finalizer: bool) -> None:
    if not meta.get("finalizers"):
        return
    where = "metadata.finalizers"
    finalizers = report.texts(meta, "finalizers", "metadata")
    for name in finalizers:
        report.said(where, name, names.qualified_name(name))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        report.invalid(
            where, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"
        )
    for index, name in enumerate(() if any_finalizer else finalizers):
        check_finalizer(report, name, f"{where}[{index}]")


def check_finalizer(report: Report, name: str, path: str) -> None:
    """Check that a finalizer without a domain is one of those that Kubernetes itself has."""
    if "/" not in name and name not in STANDARD_FINALIZERS:
        report.invalid(
            path, name, "name is neither a standard finalizer name nor is it fully qualified"
        )


def check_selector(
    report: Report, parent: Object, key: str, path: str, *, any_value: bool = False
) -> Object | None:
    """Check a metav1.LabelSelector, if there is one, and return it."""
    selector = report.child(parent, key, path)
    if selector is None:
        return None
    where = join(path, key)
    check_labels(report, selector, "matchLabels", where)
    for at, requirement in report.objects(selector, "matchExpressions", where):
        check_requirement(report, requirement, at, any_value=any_value)
    return selector


def check_requirement(
    report: Report,
    requirement: Object,
    path: str,
    *,
    any_value: bool = False,
    any_operator: bool = False,
) -> None:
    """Check one requirement of a label selector."""
    operator = report.text(requirement, "operator", path)
    values = report.texts(requirement, "values", path)
    if operator in ("In", "NotIn"):
        if not values:
            report.required(
                f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"
            )
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            report.forbidden(
                f"{path}.values",
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )
    elif not any_operator:
        report.invalid(f"{path}.operator", operator, "not a valid selector operator")
    key = report.text(requirement, "key", path)
    report.said(f"{path}.key", key, names.qualified_name(key))
    for index, value in enumerate(() if any_value else values):
        report.said(f"{path}.values[{index}]", value, names.label_value(value))


def _as_whole_name(prefix: str) -> str:
    """Return a name that is as good as the prefix: a trailing dash will be followed by more."""
    return prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
