"""CertificateSigningRequests: the asker is written in by the server, approval has its own door."""

from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Context, Path, Strategy, keep


@dataclass(frozen=True, kw_only=True)
class CertificateRequests(Strategy):
    """PodCertificateRequests, whose doors say less of what they reset than they do."""

    def reset_fields(self, subresource: str = "") -> tuple[Path, ...]:
        """Return the paths that each door may not own."""
        return (("spec",),) if subresource == "status" else ()


@dataclass(frozen=True, kw_only=True)
class SigningRequests(Strategy):
    """Spec never changes; /status writes the certificate, /approval the conditions."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Write down who asks; a client cannot create an approved request."""
        spec = obj.setdefault("spec", {})
        for key in ("username", "uid", "groups", "extra"):
            spec.pop(key, None)
        spec["username"] = ctx.user.name
        if ctx.user.uid:
            spec["uid"] = ctx.user.uid
        if ctx.user.groups:
            spec["groups"] = list(ctx.user.groups)
        if ctx.user.extra:
            spec["extra"] = {key: list(values) for key, values in ctx.user.extra.items()}
        obj["status"] = {}

    def prepare_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep spec and status: the main endpoint writes metadata only."""
        keep(obj, old, "spec")
        keep(obj, old, "status")

    def prepare_status_update(self, obj: Object, old: Object, ctx: Context) -> None:
        """Keep the verdicts as they are, as long as their number does not change."""
        super().prepare_status_update(obj, old, ctx)
        for verdict in ("Approved", "Denied"):
            before = [c for c in _conditions(old) if c.get("type") == verdict]
            places = [i for i, c in enumerate(_conditions(obj)) if c.get("type") == verdict]
            if len(before) == len(places):
                for place, condition in zip(places, before, strict=True):
                    obj["status"]["conditions"][place] = condition
        _stamp_conditions(obj, old, ctx.now)

    def prepare_subresource_update(
        self, subresource: str, obj: Object, old: Object, ctx: Context
    ) -> None:
        """Let /approval write conditions and nothing else."""
        if subresource != "approval":
            super().prepare_subresource_update(subresource, obj, old, ctx)
            return
        _stamp_conditions(obj, old, ctx.now)
        conditions = _conditions(obj)
        keep(obj, old, "spec")
        obj["status"] = dict(old.get("status") or {})
        if conditions:
            obj["status"]["conditions"] = conditions
        else:
            obj["status"].pop("conditions", None)

    def reset_fields(self, subresource: str = "") -> tuple[Path, ...]:
        """Return the paths that each door may not own."""
        if subresource == "status":
            return (("spec",), ("status", "conditions"))
        if subresource == "approval":
            return (("spec",), ("status", "certificate"))
        return (("spec",), ("status",))


def _conditions(obj: Object) -> list[Object]:
    return [c for c in (obj.get("status") or {}).get("conditions") or () if isinstance(c, dict)]


def _stamp_conditions(obj: Object, old: Object, now: str) -> None:
    for condition in _conditions(obj):
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = now
        if condition.get("lastTransitionTime"):
            continue
        condition["lastTransitionTime"] = next(
            (
                before["lastTransitionTime"]
                for before in _conditions(old)
                if before.get("type") == condition.get("type")
                and before.get("status") == condition.get("status")
                and before.get("lastTransitionTime")
            ),
            now,
        )
