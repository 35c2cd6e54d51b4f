"""The IP family fields of a Service in a cluster of one family, as upstream fills them in."""

from pinnace.api.errors import Cause, invalid
from pinnace.api.names import is_ipv6
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.base import invalid as bad
from pinnace.api.validation.services import check_cluster_ips

OTHER = {"IPv4": "IPv6", "IPv6": "IPv4"}


def fill_families(service: Object, old: Object | None, family: str) -> None:
    """Fill in ipFamilyPolicy and ipFamilies; raises Invalid for what one family cannot do."""
    spec, before = service["spec"], (old or {}).get("spec") or {}
    if spec.get("type") == "ExternalName" or (old and is_settled(service, old)):
        return
    unselected = spec.get("clusterIP") == "None" and not spec.get("selector")
    if spec.get("ipFamilyPolicy") is None:
        usual = "RequireDualStack" if unselected else "SingleStack"
        spec["ipFamilyPolicy"] = before.get("ipFamilyPolicy") or usual
    report = Report()
    check_cluster_ips(report, spec, before.get("clusterIPs") or ())
    _refuse(service, report.causes)
    _refuse(service, _policy_causes(spec, before, family))
    if unselected:
        # Nobody but its maker knows the addresses of such a Service, so both families may be.
        families = list(spec.get("ipFamilies") or [family])
        if spec["ipFamilyPolicy"] != "SingleStack" and len(families) == 1:
            families.append(OTHER[families[0]])
        spec["ipFamilies"] = families
        return
    _refuse(service, _causes(spec, family))
    spec["ipFamilies"] = spec.get("ipFamilies") or [family]


def is_settled(service: Object, old: Object) -> bool:
    """Return whether a Service that prefers two families has what it had before."""
    spec, before = service["spec"], old["spec"]
    kind, prefers = spec.get("type"), "PreferDualStack"
    return (
        kind == before.get("type")
        and kind in ("ClusterIP", "NodePort", "LoadBalancer")
        and spec.get("ipFamilyPolicy") == prefers
        and before.get("ipFamilyPolicy") in (None, prefers)
        and (spec.get("clusterIPs") or []) == (before.get("clusterIPs") or [])
        and (spec.get("ipFamilies") or []) == (before.get("ipFamilies") or [])
    )


def _refuse(service: Object, causes: list[Cause]) -> None:
    if causes:
        raise invalid("Service", "", service["metadata"].get("name") or "", causes)


def _policy_causes(spec: Object, before: Object, family: str) -> list[Cause]:
    """Check that the policy fits what is listed, and that given addresses can be had."""
    causes = _single_causes(spec, before) if before else []
    ips, families = spec.get("clusterIPs") or [], spec.get("ipFamilies") or []
    if spec["ipFamilyPolicy"] == "SingleStack":
        for listed, what in ((ips, "cluster IPs"), (families, "IP families")):
            if len(listed) == 2:
                both = "must be 'RequireDualStack' or 'PreferDualStack'"
                why = f"{both} when multiple {what} are specified"
                causes.append(bad("spec.ipFamilyPolicy", "SingleStack", why))
    inferred = list(families)
    for index, ip in enumerate(ips):
        if ip == "None":
            break
        if index >= len(inferred):
            given = "IPv6" if is_ipv6(ip) else "IPv4"
            if given == family:
                inferred.append(given)
            else:
                why = f"{given} is not configured on this cluster"
                causes.append(bad(f"spec.clusterIPs[{index}]", ips, why))
    if inferred:
        spec["ipFamilies"] = inferred
    return causes


def _single_causes(spec: Object, before: Object) -> list[Cause]:
    """Let a policy of one family release the second; without it that is an error."""
    causes = []
    named = (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family"))
    for key, what in named:
        now, had = spec.get(key) or [], before.get(key) or []
        if spec["ipFamilyPolicy"] == "SingleStack":
            if now == had and len(now) > 1:
                spec[key] = now[:1]
        elif now and len(now) < len(had):
            why = f"must be 'SingleStack' to release the secondary {what}"
            causes.append(bad("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], why))
    return causes


def _causes(spec: Object, family: str) -> list[Cause]:
    causes = []
    if spec["ipFamilyPolicy"] == "RequireDualStack":
        why = "this cluster is not configured for dual-stack services"
        causes.append(bad("spec.ipFamilyPolicy", "RequireDualStack", why))
    for index, name in enumerate(spec.get("ipFamilies") or ()):
        if name != family:
            causes.append(bad(f"spec.ipFamilies[{index}]", name, "not configured on this cluster"))
    return causes
