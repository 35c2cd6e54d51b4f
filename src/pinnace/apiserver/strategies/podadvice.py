"""Warnings of what a pod's spec says in vain, or in a way that surprises."""

from collections.abc import Iterator
from typing import Any

from pinnace.api.objects import Object
from pinnace.api.validation.podannotations import APP_ARMOR, SECCOMP, SECCOMP_POD, app_armor_of
from pinnace.apiserver.strategies.advice import (
    RETIRED_LABELS,
    claim_spec_advice,
    fraction_advice,
    ip_advice,
    listed,
    node_term_advice,
)
from pinnace.apiserver.strategies.volumeadvice import overlap_advice

REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
NO_SELECTOR = "a null labelSelector results in matching no pod"
RETIRED_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
    "security.alpha.kubernetes.io/unsafe-sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
}
RETIRED_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
SECCOMP_WORDS = 'non-functional in v1.27+; use the "seccompProfile" field instead'
APP_ARMOR_WORDS = 'deprecated since v1.30; use the "appArmorProfile" field instead'
LISTS = ("initContainers", "containers", "ephemeralContainers")


def pod_advice(template: Object, path: str) -> Iterator[str]:
    """Warn of a pod (`path` is empty) or of a template at some path, in upstream's order."""
    spec, meta = template.get("spec"), template.get("metadata")
    if not isinstance(spec, dict):
        return
    dot = f"{path}." if path else ""
    where = f"{dot}spec"
    annotations = (meta.get("annotations") if isinstance(meta, dict) else None) or {}
    yield from _placement_advice(spec, where)
    for key, words in RETIRED_ANNOTATIONS.items():
        if key in annotations:
            yield f"{dot}metadata.annotations[{key}]: {words}"
    for at, volume in listed(spec, "volumes", where):
        yield from _volume_advice(volume, at)
    yield from overlap_advice(spec)
    yield from _lists_advice(spec, where)
    for name in ("memory", "ephemeral-storage"):
        yield from fraction_advice(spec.get("overhead"), name, f"{where}.overhead")
    if SECCOMP_POD in annotations and not _context(spec).get("seccompProfile"):
        yield f"{dot}metadata.annotations[{SECCOMP_POD}]: {SECCOMP_WORDS}"
    for key in LISTS:
        for at, container in listed(spec, key, where):
            yield from _profile_advice(container, spec, annotations, path)
            yield from _container_advice(container, at)
    yield from _port_advice(spec, where)
    yield from _port_name_advice(spec, where)
    grace = spec.get("terminationGracePeriodSeconds")
    if isinstance(grace, int) and grace < 0:
        why = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{where}.terminationGracePeriodSeconds: {why}"
    yield from _affinity_advice(spec, where)
    for index, server in enumerate((spec.get("dnsConfig") or {}).get("nameservers") or ()):
        yield from ip_advice(server, f"{where}.dnsConfig.nameservers[{index}]")
    for at, alias in listed(spec, "hostAliases", where):
        yield from ip_advice(alias.get("ip"), f"{at}.ip")


def _context(holder: Object) -> Object:
    context = holder.get("securityContext")
    return context if isinstance(context, dict) else {}


def _placement_advice(spec: Object, path: str) -> Iterator[str]:
    selector = spec.get("nodeSelector")
    for key in selector if isinstance(selector, dict) else ():
        if key in RETIRED_LABELS:
            yield f"{path}.nodeSelector[{key}]: {RETIRED_LABELS[key]}"
    node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    where = f"{path}.affinity.nodeAffinity"
    for at, term in listed(node.get(REQUIRED), "nodeSelectorTerms", f"{where}.{REQUIRED}"):
        yield from node_term_advice(term, at)
    for at, term in listed(node, PREFERRED, where):
        yield from node_term_advice(term.get("preference"), f"{at}.preference", check_values=True)
    for at, constraint in listed(spec, "topologySpreadConstraints", path):
        key = constraint.get("topologyKey")
        if key in RETIRED_LABELS:
            yield f"{at}.topologyKey: {key} is {RETIRED_LABELS[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{at}.labelSelector: {NO_SELECTOR}"


def _volume_advice(volume: Object, path: str) -> Iterator[str]:
    for kind, words in RETIRED_VOLUMES.items():
        if volume.get(kind) is not None:
            yield f"{path}.{'storageOS' if kind == 'storageos' else kind}: {words}"
    template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate") or {}
    where = f"{path}.ephemeral.volumeClaimTemplate.spec"
    yield from claim_spec_advice(template.get("spec"), where)


def _lists_advice(spec: Object, path: str) -> Iterator[str]:
    seen: set[Any] = set()
    for at, alias in listed(spec, "hostAliases", path):
        ip = alias.get("ip") or ""
        if ip in seen:
            yield f'{at}.ip: duplicate ip "{ip}"'
        seen.add(ip)
    seen = set()
    for at, secret in listed(spec, "imagePullSecrets", path):
        name = secret.get("name") or ""
        if name in seen:
            yield f'{at}.name: duplicate name "{name}"'
        seen.add(name)
    for at, secret in listed(spec, "imagePullSecrets", path):
        if not secret.get("name"):
            yield f'{at}.name: invalid empty name ""'


def _profile_advice(
    container: Object, spec: Object, annotations: Object, path: str
) -> Iterator[str]:
    where = f"{path}.metadata.annotations" if path else "metadata.annotations"
    key = f"{SECCOMP}{container.get('name')}"
    if key in annotations and not _context(container).get("seccompProfile"):
        yield f"{where}[{key}]: {SECCOMP_WORDS}"
    key = f"{APP_ARMOR}{container.get('name')}"
    if path and key in annotations and not _context(container).get("appArmorProfile"):
        meant = app_armor_of(annotations[key])
        of_pod = _context(spec).get("appArmorProfile")
        if of_pod is None or of_pod != meant:
            yield f"{where}[{key}]: {APP_ARMOR_WORDS}"


def _container_advice(container: Object, path: str) -> Iterator[str]:
    resources = container.get("resources") or {}
    for name in ("memory", "ephemeral-storage"):
        for side in ("limits", "requests"):
            yield from fraction_advice(resources.get(side), name, f"{path}.resources.{side}")
    seen: set[Any] = set()
    for at, variable in listed(container, "env", path):
        name, value = variable.get("name") or "", variable.get("value") or ""
        ref = f"$({name})"
        hides = variable.get("valueFrom") is not None or value == ref or ref not in value
        if name in seen and hides:
            what = f'previous definition of "{name}"'
            yield f"{at}: hides {what}, which may be dropped when using apply"
        seen.add(name)


def _port_advice(spec: Object, path: str) -> Iterator[str]:
    known: dict[Any, list[tuple[str, Object]]] = {}
    for key in LISTS:
        for holder, container in listed(spec, key, path):
            for at, port in listed(container, "ports", holder):
                if port.get("hostIP") and not port.get("hostPort"):
                    yield f"{at}: hostIP set without hostPort: {_go_port(port)}"
                others = known.setdefault((port.get("containerPort"), port.get("protocol")), [])
                for place, other in others:
                    yield from _port_conflict(at, port, place, other)
                others.append((at, port))


def _go_port(port: Object) -> str:
    return (
        f"{{Name:{port.get('name') or ''} HostPort:{port.get('hostPort') or 0} "
        f"ContainerPort:{port.get('containerPort') or 0} Protocol:{port.get('protocol') or ''} "
        f"HostIP:{port.get('hostIP') or ''}}}"
    )


def _port_conflict(at: str, port: Object, place: str, other: Object) -> Iterator[str]:
    ip, its_ip = port.get("hostIP") or "", other.get("hostIP") or ""
    number, its_number = port.get("hostPort") or 0, other.get("hostPort") or 0
    if (ip, number) == (its_ip, its_number):
        yield f"{at}: duplicate port definition with {place}"
    elif not number or not its_number:
        yield f"{at}: overlapping port definition with {place}"
    elif number == its_number and bool(ip) != bool(its_ip):
        yield f"{at}: dangerously ambiguous port definition with {place}"


def _port_name_advice(spec: Object, path: str) -> Iterator[str]:
    known: dict[str, str] = {}
    for key in LISTS:
        for holder, container in listed(spec, key, path):
            for at, port in listed(container, "ports", holder):
                name = port.get("name")
                if name in known:
                    first = known[name]
                    yield (
                        f'{at}: duplicate port name "{name}" with {first}, services and probes '
                        f"that select ports by name will use {first}"
                    )
                elif name:
                    known[name] = at


def _affinity_advice(spec: Object, path: str) -> Iterator[str]:
    affinity = spec.get("affinity") or {}
    for side in ("podAffinity", "podAntiAffinity"):
        rules, where = affinity.get(side) or {}, f"{path}.affinity.{side}"
        for at, term in listed(rules, REQUIRED, where):
            if term.get("labelSelector") is None:
                yield f"{at}.labelSelector: {NO_SELECTOR}"
        for at, weighted in listed(rules, PREFERRED, where):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                yield f"{at}.podAffinityTerm.labelSelector: {NO_SELECTOR}"
