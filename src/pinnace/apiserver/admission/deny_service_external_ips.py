"""DenyServiceExternalIPs: nobody takes a new external IP for a Service."""

from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation


class DenyServiceExternalIPs:
    """Refuses external IPs that a Service did not have before."""

    name = "DenyServiceExternalIPs"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        written = operation in ("CREATE", "UPDATE") and not subresource
        return written and (row.group, row.plural) == ("", "services")

    def validate(self, attributes: Attributes) -> None:
        """Refuse what is new."""
        if not set(_external(attributes.obj)) <= set(_external(attributes.old)):
            raise attributes.refuse("Use of external IPs is denied by admission control")


def _external(service: Object | None) -> list[str]:
    return ((service or {}).get("spec") or {}).get("externalIPs") or []
