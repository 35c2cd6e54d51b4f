"""Definitions as upstream's server keeps them."""

from pinnace.api.custom.beta import as_v1
from pinnace.api.custom.definitions import rows_of


def test_what_was_said_for_all_versions_is_said_for_each() -> None:
    schema = {"openAPIV3Schema": {"type": "object"}}
    column = {"name": "A", "type": "string", "JSONPath": ".spec.a"}
    found = as_v1(
        {
            "kind": "CustomResourceDefinition",
            "apiVersion": "apiextensions.k8s.io/v1beta1",
            "metadata": {"name": "as.b"},
            "spec": {
                "group": "b",
                "version": "v1",
                "validation": schema,
                "additionalPrinterColumns": [column],
                "versions": [{"name": "v1", "served": True, "storage": True}],
                "preserveUnknownFields": False,
            },
        }
    )
    assert found["apiVersion"] == "apiextensions.k8s.io/v1"
    assert found["spec"] == {
        "group": "b",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": schema,
                "additionalPrinterColumns": [
                    {"name": "A", "type": "string", "jsonPath": ".spec.a"}
                ],
            }
        ],
        "conversion": {"strategy": "None"},
    }


def test_what_versions_say_themselves_stays_and_webhooks_have_a_place_of_their_own() -> None:
    versions = [
        {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": {}}}
        for name in ("v1", "v2")
    ]
    client = {"url": "https://hook"}
    found = as_v1(
        {
            "metadata": {"name": "as.b"},
            "spec": {
                "version": "v1",
                "versions": versions,
                "preserveUnknownFields": True,
                "conversion": {
                    "strategy": "Webhook",
                    "webhookClientConfig": client,
                    "conversionReviewVersions": ["v1"],
                },
            },
        }
    )
    assert found["spec"] == {
        "versions": versions,
        "preserveUnknownFields": True,
        "conversion": {
            "strategy": "Webhook",
            "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]},
        },
    }


def test_objects_are_kept_under_upstreams_keys() -> None:
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "as", "kind": "A"}
    spec = {"group": "b.c", "names": names, "scope": "Namespaced", "versions": [version]}
    [row] = rows_of({"metadata": {"name": "as.b.c"}, "spec": spec, "status": {"acceptedNames": {}}})
    assert row.prefix == "/registry/b.c/as"
