"""Deployments, DaemonSets and Jobs: what counts as a change, and generated selectors."""

from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.api.schema.internal import same
from pinnace.apiserver.strategies.advice import OWNER_NAME, name_advice
from pinnace.apiserver.strategies.base import Context, Strategy, as_label, at
from pinnace.apiserver.strategies.disabled import drop_pod_fields, drop_rolling_fields
from pinnace.apiserver.strategies.podadvice import pod_advice

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
JOB_NAME_LABELS = ("job-name", "batch.kubernetes.io/job-name")
JOB_UID_LABELS = ("controller-uid", "batch.kubernetes.io/controller-uid")


@dataclass(frozen=True, kw_only=True)
class Workloads(Strategy):
    """Kinds that make pods from `template`, at the given path."""

    template: tuple[str, ...] = ("spec", "template")
    names_pods: bool = True

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop what the template says of features that are not enabled."""
        drop_pod_fields(at(obj, (*self.template, "spec")), None)
        super().prepare_create(obj, ctx)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Drop the same, unless the old object has it."""
        inner = (*self.template, "spec")
        drop_pod_fields(at(obj, inner), at(old, inner))
        super().prepare_update(obj, old, ctx)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of a surprising name when new, and of the template when it changes."""
        found = list(name_advice(obj, OWNER_NAME)) if old is None and self.names_pods else []
        template = at(obj, self.template)
        if isinstance(template, dict) and (old is None or template != at(old, self.template)):
            found += pod_advice(template, ".".join(self.template))
        return found


@dataclass(frozen=True, kw_only=True)
class Deployments(Workloads):
    """A changed annotation counts as a generation too, since a rollout copies it to ReplicaSets."""

    def count(self, obj: Object, old: Object) -> None:
        """Raise the generation for a changed spec or changed annotations."""
        before = old["metadata"]
        changed = obj["metadata"].get("annotations") or {}
        changed_spec = self._differs(obj.get("spec"), old.get("spec"))
        if changed_spec or changed != (before.get("annotations") or {}):
            obj["metadata"]["generation"] = int(before.get("generation") or 0) + 1

    def reset_fields(self, subresource: str = "") -> tuple[tuple[str, ...], ...]:
        """Return what server-side apply must not own: a status write keeps the labels."""
        if subresource == "status":
            return (("spec",), ("metadata", "labels"))
        return (("status",),)


@dataclass(frozen=True, kw_only=True)
class DaemonSets(Workloads):
    """Counts its template apart, in an annotation that apps/v1 carries for old clients."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin both counts at one."""
        super().prepare_create(obj, ctx)
        _set_template_generation(obj, max(_template_generation(obj), 1))

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Count the template, then the spec."""
        super().prepare_update(obj, old, ctx)
        count = _template_generation(old)
        new, before = at(obj, ("spec", "template")), at(old, ("spec", "template"))
        if not same("core.PodTemplateSpec", new, before):
            count += 1
        _set_template_generation(obj, count)


def _template_generation(obj: Object) -> int:
    text = (obj["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "")
    return int(text) if isinstance(text, str) and text.isdecimal() else 0


def _set_template_generation(obj: Object, count: int) -> None:
    annotations = obj["metadata"].get("annotations") or {}
    annotations[TEMPLATE_GENERATION] = str(count)
    obj["metadata"]["annotations"] = annotations


@dataclass(frozen=True, kw_only=True)
class StatefulSets(Workloads):
    """Cannot take several pods down at once yet."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop how many pods may be down."""
        drop_rolling_fields(obj.get("spec"), None)
        super().prepare_create(obj, ctx)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Drop the same, unless the old object has it."""
        drop_rolling_fields(obj.get("spec"), old.get("spec"))
        super().prepare_update(obj, old, ctx)


@dataclass(frozen=True, kw_only=True)
class Jobs(Workloads):
    """Gets a selector of its own unless the client asks to bring one."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Label the template with the job's name and uid, and select by the uid."""
        super().prepare_create(obj, ctx)
        spec = obj.get("spec")
        if not isinstance(spec, dict) or spec.get("manualSelector"):
            return
        name, uid = obj["metadata"].get("name", ""), obj["metadata"].get("uid", "")
        template = spec.setdefault("template", {})
        labels = _child(_child(template, "metadata"), "labels")
        for key in JOB_NAME_LABELS:
            labels.setdefault(key, name)
        for key in JOB_UID_LABELS:
            labels.setdefault(key, uid)
        # A job without labels has its template's: upstream defaults so at every read.
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)
        _child(_child(spec, "selector"), "matchLabels").setdefault(JOB_UID_LABELS[1], uid)

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Return how many pods succeeded, 0 when unset."""
        fields = super().selectable_fields(obj)
        fields["status.successful"] = as_label(at(obj, ("status", "succeeded")) or 0)
        return fields


@dataclass(frozen=True, kw_only=True)
class Replicas(Workloads):
    """Selectable by status.replicas, which is 0 when unset."""

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of what the template said before: upstream looks at the old one."""
        if old is None:
            return super().warnings(obj, None)
        template = at(old, self.template)
        changed = obj["metadata"].get("generation") != old["metadata"].get("generation")
        if not changed or not isinstance(template, dict):
            return []
        return list(pod_advice(template, ".".join(self.template)))

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Return the names and the number of replicas."""
        fields = super().selectable_fields(obj)
        fields["status.replicas"] = as_label(at(obj, ("status", "replicas")) or 0)
        return fields


def _child(parent: Object, key: str) -> Object:
    child = parent.get(key)
    if not isinstance(child, dict):
        child = parent[key] = {}
    return child
