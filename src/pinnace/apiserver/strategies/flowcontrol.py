"""Flow schemas and priority levels: a status write brings nothing but the status."""

from dataclasses import dataclass

from pinnace.api.objects import Object
from pinnace.apiserver.strategies.base import Strategy


@dataclass(frozen=True, kw_only=True)
class FlowControl(Strategy):
    """Keep all metadata on a status write, except who manages which field."""

    def prepare_status_metadata(self, obj: Object, old: Object) -> None:
        """Take the metadata from the old object."""
        managed = obj["metadata"].get("managedFields")
        obj["metadata"] = dict(old["metadata"])
        if managed is not None:
            obj["metadata"]["managedFields"] = managed
