"""APIServices: one without a service is answered here, and so available from the start."""

from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Context, Strategy


@dataclass(frozen=True, kw_only=True)
class ApiServices(Strategy):
    """Marks local API services as available."""

    def prepare_create(self, obj: Object, ctx: Context) -> None:
        """Begin with an empty status, or Available when local."""
        obj["status"] = {}
        if not (obj.get("spec") or {}).get("service"):
            obj["status"]["conditions"] = [
                {
                    "type": "Available",
                    "status": "True",
                    "lastTransitionTime": ctx.now or None,
                    "reason": "Local",
                    "message": "Local APIServices are always available",
                }
            ]
