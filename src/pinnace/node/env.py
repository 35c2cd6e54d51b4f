"""A container's environment, from all its sources. Pure: what it needs is fetched beforehand."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pinnace.api.objects import Object
from pinnace.node.downward import Facts, FieldError, field_value, resource_value
from pinnace.node.expansion import expand
from pinnace.node.podspec import Declared, find_declared, namespace_of


class ConfigError(Exception):
    """A container cannot be configured; the text becomes its waiting message."""


Find = Callable[[str], Object | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where values come from: ConfigMaps and Secrets of the Pod's namespace by name, the
    variables that tell of Services, and the Pod's own facts.
    """

    config_map: Find
    secret: Find
    services: Mapping[str, str]
    facts: Facts


def secret_data(secret: Mapping[str, Any]) -> dict[str, bytes]:
    """Return a Secret's values, decoded."""
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


def _text_data(secret: Mapping[str, Any]) -> dict[str, str]:
    decoded = secret_data(secret)
    return {key: value.decode("utf-8", "surrogateescape") for key, value in decoded.items()}


def _all_of(source: Mapping[str, Any], sources: Sources) -> Mapping[str, str]:
    if "configMapRef" in source:
        ref, found = source["configMapRef"], sources.config_map(source["configMapRef"]["name"])
        values = dict((found or {}).get("data") or {})
        noun = "configmap"
    elif "secretRef" in source:
        ref, found = source["secretRef"], sources.secret(source["secretRef"]["name"])
        values = _text_data(found or {})
        noun = "secret"
    else:
        return {}
    if found is None and not ref.get("optional"):
        raise ConfigError(f'{noun} "{ref["name"]}" not found')
    prefix = source.get("prefix") or ""
    return {prefix + key: value for key, value in values.items()}


def _key_of(
    ref: Mapping[str, Any], found: Object | None, values: Mapping[str, str], noun: str, where: str
) -> str | None:
    """Return the value of one key; None when it is missing and may be."""
    name, key = ref["name"], ref["key"]
    if found is None:
        if ref.get("optional"):
            return None
        raise ConfigError(f'{noun.lower()} "{name}" not found')
    if key not in values:
        if ref.get("optional"):
            return None
        raise ConfigError(f"couldn't find key {key} in {noun} {where}/{name}")
    return values[key]


def _from_source(
    pod: Mapping[str, Any], container: Declared, source: Mapping[str, Any], sources: Sources
) -> str | None:
    where = namespace_of(pod)
    try:
        if "fieldRef" in source:
            return field_value(pod, source["fieldRef"]["fieldPath"], sources.facts)
        if "resourceFieldRef" in source:
            ref = source["resourceFieldRef"]
            named = find_declared(pod, ref["containerName"]) if ref.get("containerName") else None
            return resource_value((named or container).spec, ref, sources.facts)
    except FieldError as error:
        raise ConfigError(str(error)) from error
    if "configMapKeyRef" in source:
        ref = source["configMapKeyRef"]
        found = sources.config_map(ref["name"])
        return _key_of(ref, found, (found or {}).get("data") or {}, "ConfigMap", where)
    if "secretKeyRef" in source:
        ref = source["secretKeyRef"]
        found = sources.secret(ref["name"])
        return _key_of(ref, found, _text_data(found or {}), "Secret", where)
    raise ConfigError(f"unsupported source of an environment variable: {', '.join(source)}")


def environment(pod: Mapping[str, Any], container: Declared, sources: Sources) -> dict[str, str]:
    """Return the variables: envFrom, then env in order (each sees those before it), then those
    of Services that are not set yet. Raises ConfigError with upstream's text.
    """
    values: dict[str, str] = {}
    for each in container.spec.get("envFrom") or ():
        values |= _all_of(each, sources)
    for variable in container.spec.get("env") or ():
        value: str | None = variable.get("value") or ""
        if value:
            value = expand(value, lambda name: values.get(name, sources.services.get(name)))
        elif variable.get("valueFrom"):
            value = _from_source(pod, container, variable["valueFrom"], sources)
        if value is not None:
            values[variable["name"]] = value
    return values | {key: text for key, text in sources.services.items() if key not in values}
