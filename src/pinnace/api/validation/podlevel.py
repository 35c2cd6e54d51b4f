"""Rules of resources that a pod has as a whole, against those of its containers."""

from pinnace.api.objects import Object
from pinnace.api.pod_resources import aggregate
from pinnace.api.validation.base import Report
from pinnace.api.validation.resources import amounts, is_huge


def check_pod_level(report: Report, spec: Object, path: str) -> None:
    """Check that a pod asks for at least what its containers ask for together."""
    resources, quiet = spec.get("resources") or {}, Report()
    requests = amounts(quiet, resources, "requests", path)
    limits = amounts(quiet, resources, "limits", path)
    for name, needed in aggregate(spec, "requests").items():
        if name in requests and needed > requests[name]:
            what = f"aggregate container requests of {needed.canonical()}"
            detail = f"must be greater than or equal to {what}"
            report.invalid(f"{path}.requests[{name}]", requests[name].canonical(), detail)
    for name, needed in aggregate(spec, "limits").items():
        if is_huge(name) and name in limits and needed > limits[name]:
            what = f"aggregate container limits of {needed.canonical()}"
            detail = f"must be greater than or equal to {what}"
            report.invalid(f"{path}.limits[{name}]", limits[name].canonical(), detail)
    for index, (_, container) in enumerate(quiet.objects(spec, "containers", "")):
        own = amounts(quiet, container.get("resources") or {}, "limits", "")
        for name, limit in own.items():
            if name in limits and limit > limits[name]:
                detail = f"must be less than or equal to pod limits of {limits[name].canonical()}"
                where = f"{path}.containers[{index}][{name}].limits"
                report.invalid(where, limit.canonical(), detail)
