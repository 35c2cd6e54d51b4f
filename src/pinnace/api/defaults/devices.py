"""Defaults of dynamic resource allocation (resource.k8s.io).

When a device's taint was added (`timeAdded`) is not filled in here, since that takes a clock.
"""

from pinnace.api.defaults.base import child, ensured, entries, fill, fill_text
from pinnace.api.objects import Object

EXACT = "ExactCount"


def default_claim(claim: Object) -> None:
    """Ask for exactly one device, in v1 and v1beta2."""
    _default_spec(child(claim, "spec"), nested=True)
    _default_results(claim)


def default_claim_v1beta1(claim: Object) -> None:
    """Ask for exactly one device, where a request is flat."""
    _default_spec(child(claim, "spec"), nested=False)
    _default_results(claim)


def default_claim_template(template: Object) -> None:
    """Fill in the claim that a template makes."""
    _default_spec(child(child(template, "spec"), "spec"), nested=True)


def default_claim_template_v1beta1(template: Object) -> None:
    """Fill in the claim that a v1beta1 template makes."""
    _default_spec(child(child(template, "spec"), "spec"), nested=False)


def default_slice(resource_slice: Object) -> None:
    """Count node resources one to one."""
    for device in entries(child(resource_slice, "spec"), "devices"):
        for holder in (device, child(device, "basic")):
            for mapping in child(holder, "nodeAllocatableResourceMappings").values():
                if isinstance(mapping, dict):
                    fill(mapping, "allocationMultiplier", "1")


def default_pool_status_request(request: Object) -> None:
    """Ask for a hundred pools at most."""
    fill(ensured(request, "spec"), "limit", 100)


def _default_spec(spec: Object, *, nested: bool) -> None:
    for request in entries(child(spec, "devices"), "requests"):
        if nested:
            exact = request.get("exactly")
            if isinstance(exact, dict):
                _default_request(exact)
        else:
            if request.get("deviceClassName"):
                _default_request(request)
            _default_tolerations(request)
        for alternative in entries(request, "firstAvailable"):
            _default_request(alternative)


def _default_request(request: Object) -> None:
    fill_text(request, "allocationMode", EXACT)
    if request["allocationMode"] == EXACT and not request.get("count"):
        request["count"] = 1
    _default_tolerations(request)


def _default_results(claim: Object) -> None:
    devices = child(child(child(claim, "status"), "allocation"), "devices")
    for result in entries(devices, "results"):
        _default_tolerations(result)


def _default_tolerations(parent: Object) -> None:
    for toleration in entries(parent, "tolerations"):
        fill_text(toleration, "operator", "Equal")
