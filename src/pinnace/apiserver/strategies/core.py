"""Kinds of the core group with small manners of their own."""

from dataclasses import dataclass

from pinnace.api.errors import BadRequest
from pinnace.api.objects import Object
from pinnace.apiserver.strategies.advice import cidr_advice
from pinnace.apiserver.strategies.base import Context, Strategy, as_label, at, keep
from pinnace.apiserver.strategies.disabled import drop_claim_fields
from pinnace.apiserver.strategies.storageadvice import claim_advice, volume_advice

NAMESPACE_FINALIZER = "kubernetes"


@dataclass(frozen=True, kw_only=True)
class Namespaces(Strategy):
    """Born Active with the `kubernetes` finalizer, which only /finalize takes away."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Make the namespace Active and give it the finalizer and the name label."""
        obj["status"] = {"phase": "Active"}
        finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
        if NAMESPACE_FINALIZER not in finalizers:
            finalizers.append(NAMESPACE_FINALIZER)
        _label_name(obj)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep the finalizers and the status."""
        spec = obj.get("spec") or {}
        keep(spec, old.get("spec") or {}, "finalizers")
        obj["spec"] = spec
        keep(obj, old, "status")
        _label_name(obj)

    def prepare_subresource_update(
        self, subresource: str, obj: Object, old: Object, ctx: Context
    ) -> None:
        """Let /finalize write the spec's finalizers, and keep the status."""
        if subresource == "finalize":
            keep(obj, old, "status")
        else:
            super().prepare_subresource_update(subresource, obj, old, ctx)


def _label_name(obj: Object) -> None:
    meta = obj["metadata"]
    if meta.get("name"):
        labels = meta.get("labels") or {}
        labels["kubernetes.io/metadata.name"] = meta["name"]
        meta["labels"] = labels


@dataclass(frozen=True, kw_only=True)
class Nodes(Strategy):
    """Selectable by spec.unschedulable, which is false when unset; drops what was removed."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Drop the sources of configuration, a removed feature."""
        super().prepare_create(obj, ctx)
        (obj.get("spec") or {}).pop("configSource", None)
        (obj.get("status") or {}).pop("config", None)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Drop a new source of configuration."""
        super().prepare_update(obj, old, ctx)
        if not at(old, ("spec", "configSource")):
            (obj.get("spec") or {}).pop("configSource", None)

    def prepare_status_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Drop what would tell of a source of configuration."""
        super().prepare_status_update(obj, old, ctx)
        if not at(old, ("status", "config")):
            (obj.get("status") or {}).pop("config", None)

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of fields without use, and of odd ranges of addresses."""
        spec = obj.get("spec") or {}
        found = []
        if spec.get("configSource"):
            found.append("spec.configSource: the feature is removed")
        if spec.get("externalID"):
            why = "this field is deprecated, and is unused by Kubernetes"
            found.append(f"spec.externalID: {why}")
        for index, cidr in enumerate(spec.get("podCIDRs") or ()):
            found += cidr_advice(cidr, f"spec.podCIDRs[{index}]")
        return found

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Return the name and whether the node is cordoned."""
        fields = super().selectable_fields(obj)
        fields["spec.unschedulable"] = as_label(bool(at(obj, ("spec", "unschedulable"))))
        return fields


@dataclass(frozen=True, kw_only=True)
class Secrets(Strategy):
    """An update without a type keeps the old one."""

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep the type when the client sent none."""
        if not obj.get("type"):
            keep(obj, old, "type")


@dataclass(frozen=True, kw_only=True)
class ServiceAccounts(Strategy):
    """References to secrets carry a name only."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Reduce references to names."""
        secrets = obj.get("secrets")
        if isinstance(secrets, list):
            obj["secrets"] = [
                ({"name": ref["name"]} if ref.get("name") else {}) if isinstance(ref, dict) else ref
                for ref in secrets
            ]

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Reduce references to names."""
        self.prepare_create(obj, ctx)


@dataclass(frozen=True, kw_only=True)
class PersistentVolumes(Strategy):
    """Carries when the phase last changed."""

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of retired sources, labels and annotations."""
        return list(volume_advice(obj))

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin Pending, now."""
        obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": ctx.now}

    def prepare_status_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Stamp a changed phase unless the client did."""
        super().prepare_status_update(obj, old, ctx)
        status = obj.setdefault("status", {})
        before = old.get("status") or {}
        stamp, old_stamp = (s.get("lastPhaseTransitionTime") for s in (status, before))
        if status.get("phase") == before.get("phase"):
            if stamp is None and old_stamp is not None:
                status["lastPhaseTransitionTime"] = old_stamp
        elif stamp is None or stamp == old_stamp:
            status["lastPhaseTransitionTime"] = ctx.now


SNAPSHOT_GROUP = "snapshot.storage.k8s.io"


@dataclass(frozen=True, kw_only=True)
class PersistentVolumeClaims(Strategy):
    """dataSource and dataSourceRef say the same, whichever the client wrote."""

    def warnings(self, obj: Object, old: Object | None) -> list[str]:
        """Warn of a class in an annotation, and of fractions of a byte."""
        return list(claim_advice(obj))

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin Pending, with both data sources."""
        obj["status"] = {"phase": "Pending"}
        drop_claim_fields(obj.get("spec"), None)
        _normalize_data_sources(obj.get("spec"), None)

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep the status, and fill the data sources in again."""
        super().prepare_update(obj, old, ctx)
        drop_claim_fields(obj.get("spec"), old.get("spec"))
        _normalize_data_sources(obj.get("spec"), old.get("spec"))


def _normalize_data_sources(spec: Object | None, old: Object | None) -> None:
    if not isinstance(spec, dict):
        return
    source, ref = spec.get("dataSource"), spec.get("dataSourceRef")
    old_used = bool(old and (old.get("dataSource") or old.get("dataSourceRef")))
    if isinstance(source, dict) and ref is None and not old_used:
        known = (source.get("apiGroup") or "", source.get("kind")) in (
            ("", "PersistentVolumeClaim"),
            (SNAPSHOT_GROUP, "VolumeSnapshot"),
        )
        if not known:  # upstream ignores what it did not understand before there was a ref
            del spec["dataSource"]
            return
    if isinstance(source, dict) and ref is None:
        spec["dataSourceRef"] = dict(source)
    elif isinstance(ref, dict) and source is None and not ref.get("namespace"):
        spec["dataSource"] = {k: v for k, v in ref.items() if k != "namespace"}


EVENT_LABELS_V1 = {
    "regarding.kind": "involvedObject.kind",
    "regarding.namespace": "involvedObject.namespace",
    "regarding.name": "involvedObject.name",
    "regarding.uid": "involvedObject.uid",
    "regarding.apiVersion": "involvedObject.apiVersion",
    "regarding.resourceVersion": "involvedObject.resourceVersion",
    "regarding.fieldPath": "involvedObject.fieldPath",
    "reportingController": "reportingComponent",
    "reason": "reason",
    "type": "type",
    "metadata.namespace": "metadata.namespace",
    "metadata.name": "metadata.name",
}
REGARDED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


@dataclass(frozen=True, kw_only=True)
class Events(Strategy):
    """One object under two groups: fields are read from either spelling."""

    modern: bool = False

    def field_label(self, label: str) -> str:
        """Map the spelling of events.k8s.io to that of the core group."""
        if self.modern:
            if label not in EVENT_LABELS_V1:
                raise BadRequest(self.label_error.format(label=label))
            return EVENT_LABELS_V1[label]
        return super().field_label(label)

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Return the fields under their core/v1 names."""
        fields = super().selectable_fields(obj)
        about = obj.get("involvedObject") or obj.get("regarding") or {}
        for key in REGARDED:
            fields[f"involvedObject.{key}"] = as_label(about.get(key))
        reporter = as_label(obj.get("reportingComponent") or obj.get("reportingController"))
        source = obj.get("source") or obj.get("deprecatedSource") or {}
        fields["reportingComponent"] = reporter
        fields["source"] = as_label(source.get("component")) or reporter
        return fields
