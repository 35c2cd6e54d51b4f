"""CustomResourceDefinitions in v1beta1, the form in which upstream's server keeps them."""

from pinnace.api.objects import Object

V1BETA1, V1 = "apiextensions.k8s.io/v1beta1", "apiextensions.k8s.io/v1"
# What v1beta1 says once for all versions, by v1's name for it.
_FOR_ALL = {
    "validation": "schema",
    "subresources": "subresources",
    "additionalPrinterColumns": "additionalPrinterColumns",
    "selectableFields": "selectableFields",
}


def as_v1(definition: Object) -> Object:
    """Return a stored v1beta1 definition in v1."""
    spec = dict(definition["spec"])
    first = spec.pop("version", "")
    shared = {name: spec.pop(old) for old, name in _FOR_ALL.items() if spec.get(old)}
    versions = spec.get("versions") or [{"name": first, "served": True, "storage": True}]
    spec["versions"] = [_version({**shared, **version}) for version in versions]
    if not spec.get("preserveUnknownFields", True):
        del spec["preserveUnknownFields"]
    conversion = spec.get("conversion") or {"strategy": "None"}
    webhook = {
        new: conversion[old]
        for old, new in (
            ("webhookClientConfig", "clientConfig"),
            ("conversionReviewVersions", "conversionReviewVersions"),
        )
        if conversion.get(old)
    }
    spec["conversion"] = {"strategy": conversion.get("strategy") or "None"}
    if webhook:
        spec["conversion"]["webhook"] = webhook
    return {**definition, "apiVersion": V1, "spec": spec}


def _version(version: Object) -> Object:
    columns = version.get("additionalPrinterColumns")
    if columns:
        version["additionalPrinterColumns"] = [_column(column) for column in columns]
    return version


def _column(column: Object) -> Object:
    """Return a printer column, whose path v1beta1 spells in capitals."""
    return {("jsonPath" if name == "JSONPath" else name): part for name, part in column.items()}
