"""AlwaysPullImages: images are pulled anew each time, so nobody runs one that he could not pull."""

from collections.abc import Iterator
from typing import Any

from pinnace.api.errors import ApiError
from pinnace.api.objects import Object
from pinnace.api.resources import Resource
from pinnace.apiserver.admission.base import Attributes, Operation

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


class AlwaysPullImages:
    """Sets, and then insists on, the pull policy Always."""

    name = "AlwaysPullImages"

    def handles(self, operation: Operation, row: Resource, subresource: str) -> bool:
        written = operation in ("CREATE", "UPDATE") and not subresource
        return written and (row.group, row.plural) == ("", "pods")

    def mutate(self, attributes: Attributes) -> None:
        """Set the policy of everything that is pulled."""
        if _has_new_images(attributes):
            for _, holder, name in _pulled(attributes.obj or {}):
                holder[name] = "Always"

    def validate(self, attributes: Attributes) -> None:
        """Refuse what another mutator has changed back."""
        if not _has_new_images(attributes):
            return
        found = [
            attributes.refuse(
                f'{path}: Unsupported value: "{holder.get(name) or ""}": supported values: "Always"'
            )
            for path, holder, name in _pulled(attributes.obj or {})
            if holder.get(name) != "Always"
        ]
        if len(found) == 1:
            raise found[0]
        if found:
            texts = list(dict.fromkeys(error.message for error in found))
            why = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
            raise ApiError(why, code=500, reason="")


def _pulled(pod: Object) -> Iterator[tuple[str, Any, str]]:
    spec = pod.get("spec") or {}
    for field in _CONTAINERS:
        for index, container in enumerate(spec.get(field) or ()):
            yield f"spec.{field}[{index}].imagePullPolicy", container, "imagePullPolicy"
    for index, volume in enumerate(spec.get("volumes") or ()):
        if volume.get("image"):
            yield f"spec.volumes[{index}].image.pullPolicy", volume["image"], "pullPolicy"


def _has_new_images(attributes: Attributes) -> bool:
    if attributes.operation == "CREATE":
        return True
    return not _images(attributes.obj) <= _images(attributes.old)


def _images(pod: Object | None) -> set[str]:
    spec = (pod or {}).get("spec") or {}
    return {str(c.get("image") or "") for field in _CONTAINERS for c in spec.get(field) or ()}
