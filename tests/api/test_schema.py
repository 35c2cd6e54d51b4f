"""The table of type facts says what upstream's definitions say."""

import json
import os
from pathlib import Path

import pytest

from pinnace.api.kinds.table import RESOURCES
from pinnace.api.schema.load import load
from pinnace.api.schema.types import Type

POD_SPEC = "io.k8s.api.core.v1.PodSpec"


def shared(name: str) -> Path:
    root = os.environ.get("PINNACE_SHARED")
    if not root:
        pytest.skip("PINNACE_SHARED does not name a directory of golden data")
    return Path(root) / name


def test_knows_the_kind_of_every_built_in_row() -> None:
    schema = load()
    missing = [
        f"{row.group_version} {row.kind}"
        for row in RESOURCES
        if schema.type_for(row.group, row.version, row.kind) is None
    ]
    assert missing == []


def test_containers_are_a_list_keyed_by_name() -> None:
    schema = load()
    pod = schema.type_for("", "v1", "Pod")
    assert pod is not None
    containers = schema.at(pod, "spec", "containers")
    assert containers is not None
    assert containers.type is Type.ARRAY
    assert containers.required
    assert (containers.list_type, containers.map_keys) == ("map", ("name",))
    assert (containers.patch_strategy, containers.patch_merge_key) == (("merge",), "name")
    assert containers.item is not None
    assert containers.item.ref == "io.k8s.api.core.v1.Container"


def test_the_second_map_key_of_ports_has_a_default() -> None:
    schema = load()
    pod = schema.type_for("", "v1", "Pod")
    assert pod is not None
    ports = schema.at(pod, "spec", "containers", "ports")
    protocol = schema.at(pod, "spec", "containers", "ports", "protocol")
    assert ports is not None
    assert protocol is not None
    assert ports.map_keys == ("containerPort", "protocol")
    assert protocol.default == "TCP"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (("spec", "containers", "resources", "limits"), Type.MAP),
        (("spec", "containers", "livenessProbe", "httpGet", "port"), Type.INT_OR_STRING),
        (("spec", "volumes", "emptyDir", "sizeLimit"), Type.QUANTITY),
        (("spec", "hostNetwork"), Type.BOOLEAN),
        (("spec", "priority"), Type.INTEGER),
        (("metadata", "creationTimestamp"), Type.STRING),
        (("metadata", "managedFields", "fieldsV1"), Type.RAW),
        (("status",), Type.OBJECT),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_tells_kubernetes_scalars_apart(path: tuple[str, ...], kind: Type) -> None:
    schema = load()
    pod = schema.type_for("", "v1", "Pod")
    assert pod is not None
    found = schema.at(pod, *path)
    assert found is not None
    assert found.type is kind


def test_values_of_quantity_maps_are_quantities() -> None:
    requirements = load().named("io.k8s.api.core.v1.ResourceRequirements")
    assert requirements is not None
    limits = requirements.field("limits")
    assert limits is not None
    assert limits.item is not None
    assert limits.item.type is Type.QUANTITY


def test_a_volume_replaces_the_keys_of_its_source() -> None:
    spec = load().named(POD_SPEC)
    assert spec is not None
    volumes = spec.field("volumes")
    assert volumes is not None
    assert volumes.patch_strategy == ("merge", "retainKeys")


def test_fields_stand_in_struct_order() -> None:
    meta = load().named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
    assert meta is not None
    assert list(meta.fields)[:6] == [
        "name", "generateName", "namespace", "selfLink", "uid", "resourceVersion",
    ]  # fmt: skip
    owner = load().named("io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference")
    assert owner is not None
    assert list(owner.fields)[:2] == ["apiVersion", "kind"]


def test_unions_name_their_discriminator() -> None:
    profile = load().named("io.k8s.api.core.v1.SeccompProfile")
    assert profile is not None
    assert profile.unions[0].discriminator == "type"
    assert dict(profile.unions[0].members) == {"localhostProfile": "LocalhostProfile"}


def test_every_reference_resolves() -> None:
    schema = load()
    for name in schema.names():
        known = schema.named(name)
        assert known is not None
        for field in known:
            inner = field
            while inner.item is not None:
                inner = inner.item
            assert not inner.ref or schema.type_of(inner) is not None, f"{name}.{field.name}"


def test_agrees_with_upstreams_swagger() -> None:
    definitions = json.loads(shared("golden/openapi/swagger.json").read_text())["definitions"]
    schema = load()
    assert set(schema.names()) == set(definitions)
    for name, definition in definitions.items():
        known = schema.named(name)
        assert known is not None
        assert set(known.fields) == set(definition.get("properties", {})), name
        assert sorted(known.required) == sorted(definition.get("required", ())), name
        for field, spec in definition.get("properties", {}).items():
            mine = known.fields[field]
            assert mine.list_type == spec.get("x-kubernetes-list-type", ""), f"{name}.{field}"
            assert list(mine.map_keys) == spec.get("x-kubernetes-list-map-keys", [])
            assert ",".join(mine.patch_strategy) == spec.get("x-kubernetes-patch-strategy", "")
            assert mine.patch_merge_key == spec.get("x-kubernetes-patch-merge-key", "")
