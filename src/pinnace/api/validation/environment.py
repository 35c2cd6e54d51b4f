"""Rules of a container's environment: names, sources, downward API fields."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pinnace.api import names
from pinnace.api.objects import Object
from pinnace.api.validation.base import Report
from pinnace.api.validation.paths import check_no_backsteps

ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
    "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
VOLUME_FIELDS = (
    "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace",
    "metadata.uid",
)  # fmt: skip
KNOWN_FIELDS = frozenset((*ENV_FIELDS, *VOLUME_FIELDS))
RESOURCE_FIELDS = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
    "requests.ephemeral-storage", "requests.memory",
)  # fmt: skip
HUGE_PREFIXES = ("requests.hugepages-", "limits.hugepages-")
CPU_DIVISORS = frozenset({"1m", "1"})
SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_SUBSCRIPTED = re.compile(r"(.+)\['(.*)'\]", re.DOTALL)


def check_env(report: Report, container: Object, path: str) -> None:
    """Check the environment of a container."""
    if "env" in container:
        for at, variable in report.objects(container, "env", path):
            name = report.text(variable, "name", at)
            if not name:
                report.required(f"{at}.name")
            else:
                report.said(f"{at}.name", name, names.relaxed_env_var_name(name))
            value = report.text(variable, "value", at)
            if "valueFrom" in variable:
                source = report.child(variable, "valueFrom", at)
                if source is not None:
                    _check_source(report, source, f"{at}.valueFrom", has_value=bool(value))
    if "envFrom" in container:
        _check_env_from(report, container, path)


def _check_source(report: Report, source: Object, path: str, *, has_value: bool) -> None:
    given = [key for key in SOURCES if source.get(key) is not None]
    for key in given:
        ref = report.child(source, key, path)
        if ref is None:
            continue
        where = f"{path}.{key}"
        if key == "fieldRef":
            check_field_ref(report, ref, where, ENV_FIELDS)
        elif key == "resourceFieldRef":
            check_resource_ref(report, ref, where, in_volume=False)
        elif key == "fileKeyRef":
            _check_file_ref(report, ref, where)
        else:
            _check_key_ref(report, ref, where)
    if not given:
        listed = ", ".join(f"`{key}`" for key in SOURCES[:-1])
        report.invalid(path, "", f"must specify one of: {listed} or `fileKeyRef`")
    elif has_value:
        report.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        report.invalid(path, "", "may not have more than one field specified at a time")


def check_field_ref(report: Report, ref: Object, path: str, supported: Sequence[str]) -> None:
    """Check a reference to a field of the pod itself."""
    version = report.text(ref, "apiVersion", path)
    field = report.text(ref, "fieldPath", path)
    where = f"{path}.fieldPath"
    if not version:
        report.required(f"{path}.apiVersion")
        return
    if not field:
        report.required(where)
        return
    if version != "v1":
        report.invalid(
            where, field, "error converting fieldPath: unsupported pod version: " + version
        )
        return
    subscripted = _SUBSCRIPTED.fullmatch(field)
    if subscripted:
        base, subscript = subscripted.groups()
        if base == "metadata.annotations":
            report.said(path, subscript.lower(), names.qualified_name(subscript.lower()))
        elif base == "metadata.labels":
            report.said(path, subscript, names.qualified_name(subscript))
        else:
            detail = f"error converting fieldPath: field label does not support subscript: {field}"
            report.invalid(where, field, detail)
        return
    if field == "spec.host":
        field = "spec.nodeName"
    if field not in KNOWN_FIELDS and field not in ("spec.restartPolicy", "spec.schedulerName",
                                                   "status.phase"):  # fmt: skip
        detail = f"error converting fieldPath: field label not supported: {field}"
        report.invalid(where, field, detail)
    elif field not in supported:
        report.not_supported(where, field, supported)


def check_resource_ref(report: Report, ref: Object, path: str, *, in_volume: bool) -> None:
    """Check a reference to a resource that a container asks for."""
    resource = report.text(ref, "resource", path)
    if in_volume and not report.text(ref, "containerName", path):
        report.required(f"{path}.containerName")
    elif not resource:
        report.required(f"{path}.resource")
    elif resource not in RESOURCE_FIELDS and not resource.startswith(HUGE_PREFIXES):
        report.not_supported(f"{path}.resource", resource, RESOURCE_FIELDS)
    divisor = report.quantity(ref, "divisor", path)
    if divisor is None or divisor.is_zero():
        return
    text = divisor.canonical()
    where = f"{path}.divisor"
    kind = resource.partition(".")[2]
    if kind == "cpu":
        if text not in CPU_DIVISORS:
            detail = "only divisor's values 1m and 1 are supported with the cpu resource"
            report.invalid(where, resource, detail)
    elif text not in SIZES:
        called = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}
        name = "hugepages" if resource.startswith(HUGE_PREFIXES) else called.get(kind)
        if name:
            listed = ", ".join(SIZES)
            report.invalid(
                where,
                resource,
                f"only divisor's values {listed} are supported with the {name} resource",
            )


def _check_key_ref(report: Report, ref: Object, path: str) -> None:
    name, key = report.text(ref, "name", path), report.text(ref, "key", path)
    report.said(f"{path}.name", name, names.dns1123_subdomain(name))
    if not key:
        report.required(f"{path}.key")
    else:
        report.said(f"{path}.key", key, names.config_map_key(key))


def _check_file_ref(report: Report, ref: Object, path: str) -> None:
    key = report.text(ref, "key", path)
    if not key:
        report.required(f"{path}.key")
    else:
        report.said(f"{path}.key", key, names.relaxed_env_var_name(key))
    volume = report.text(ref, "volumeName", path)
    if not volume:
        report.required(f"{path}.volumeName")
    else:
        report.said(f"{path}.volumeName", volume, names.dns1123_label(volume))
    file = report.text(ref, "path", path)
    if not file:
        report.required(f"{path}.path")
    else:
        check_no_backsteps(report, file, f"{path}.path")


def _check_env_from(report: Report, container: Object, path: str) -> None:
    where = f"{path}.envFrom"
    for at, source in report.objects(container, "envFrom", path):
        prefix = report.text(source, "prefix", at)
        if prefix:
            report.said(f"{at}.prefix", prefix, names.relaxed_env_var_name(prefix))
        given = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        for key in given:
            ref = report.child(source, key, at) or {}
            name = report.text(ref, "name", f"{at}.{key}")
            if not name:
                report.required(f"{at}.{key}.name")
            else:
                report.said(f"{at}.{key}.name", name, names.dns1123_subdomain(name))
        if not given:
            report.invalid(where, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            detail = "may not have more than one field specified at a time"
            report.invalid(where, "", detail)


def check_file_volumes(report: Report, spec: Object, path: str) -> None:
    """Check that variables read from files name volumes that are made for the pod."""
    volumes = {v.get("name") or "": v for _, v in Report().objects(spec, "volumes", path)}
    for key in ("initContainers", "containers", "ephemeralContainers"):
        for at, container in Report().objects(spec, key, path):
            for where, variable in Report().objects(container, "env", at):
                source = variable.get("valueFrom")
                ref = source.get("fileKeyRef") if isinstance(source, dict) else None
                if isinstance(ref, dict):
                    _check_file_volume(report, ref, volumes, f"{where}.valueFrom.fileKeyRef")


def _check_file_volume(
    report: Report, ref: Object, volumes: Mapping[Any, Object], path: str
) -> None:
    name = ref.get("volumeName") or ""
    volume = volumes.get(name)
    if volume is None:
        report.not_found(f"{path}.volumeName", name)
    elif volume.get("emptyDir") is None:
        detail = "referenced volume must be of type emptyDir"
        report.invalid(f"{path}.volumeName", name, detail)
