"""The IP family fields of a Service in a cluster of one family, as upstream fills them in."""

import orjson

from pinnace.api.errors import Cause, invalid
from pinnace.api.objects import Object

OTHER = {"IPv4": "IPv6", "IPv6": "IPv4"}


def fill_families(service: Object, old: Object | None, family: str) -> None:
    """Fill in ipFamilyPolicy and ipFamilies; raises Invalid for what one family cannot do."""
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        for name in ("ipFamilies", "ipFamilyPolicy", "clusterIP", "clusterIPs"):
            spec.pop(name, None)
        return
    before = (old or {}).get("spec") or {}
    for name in ("ipFamilies", "ipFamilyPolicy"):
        if not spec.get(name) and before.get(name):
            spec[name] = before[name]
    ips = spec.get("clusterIPs") or [spec.get("clusterIP")]
    if ips[0] == "None" and not spec.get("selector"):
        # Nobody but its maker knows the addresses of such a Service, so both families may be.
        spec["ipFamilyPolicy"] = spec.get("ipFamilyPolicy") or "RequireDualStack"
        families = list(spec.get("ipFamilies") or [family])
        if spec["ipFamilyPolicy"] != "SingleStack" and len(families) == 1:
            families.append(OTHER[families[0]])
        spec["ipFamilies"] = families
        return
    spec["ipFamilyPolicy"] = spec.get("ipFamilyPolicy") or "SingleStack"
    causes = _policy_causes(spec, family)
    if causes:
        raise invalid("Service", "", service["metadata"]["name"], causes)
    spec["ipFamilies"] = spec.get("ipFamilies") or [family]
    causes = _causes(spec, family)
    if causes:
        raise invalid("Service", "", service["metadata"]["name"], causes)


def _policy_causes(spec: Object, family: str) -> list[Cause]:
    """Check that the policy fits what is listed, and that given addresses can be had."""
    causes = []
    ips, families = spec.get("clusterIPs") or [], spec.get("ipFamilies") or []
    if spec["ipFamilyPolicy"] == "SingleStack":
        for listed, what in ((ips, "cluster IPs"), (families, "IP families")):
            if len(listed) == 2:
                why = (
                    "Invalid value: \"SingleStack\": must be 'RequireDualStack' or "
                    f"'PreferDualStack' when multiple {what} are specified"
                )
                causes.append(Cause("FieldValueInvalid", "spec.ipFamilyPolicy", why))
    for index, ip in enumerate(ips):
        given = "IPv6" if ":" in ip else "IPv4"
        if ip != "None" and index >= len(families) and given != family:
            shown = orjson.dumps(ips).decode()
            why = f"Invalid value: {shown}: {given} is not configured on this cluster"
            causes.append(Cause("FieldValueInvalid", f"spec.clusterIPs[{index}]", why))
    return causes


def _causes(spec: Object, family: str) -> list[Cause]:
    causes = []
    if spec["ipFamilyPolicy"] == "RequireDualStack":
        why = (
            'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack '
            "services"
        )
        causes.append(Cause("FieldValueInvalid", "spec.ipFamilyPolicy", why))
    for index, name in enumerate(spec["ipFamilies"]):
        if name != family:
            why = f'Invalid value: "{name}": not configured on this cluster'
            causes.append(Cause("FieldValueInvalid", f"spec.ipFamilies[{index}]", why))
    return causes
