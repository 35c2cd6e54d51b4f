"""Sources of volumes: what each needs, and how upstream calls what is missing."""

from collections.abc import Callable

import pytest

from pinnace.api.objects import Object
from pinnace.api.validation import volumesources as sources
from pinnace.api.validation.base import Report
from pinnace.api.validation.persistentvolumes import check_volume, check_volume_update
from pinnace.api.validation.projections import check_projected
from pinnace.api.validation.signers import check_signer_name, trust_bundle_name

Check = Callable[[Report, Object, str], None]
IQN = "iqn.2001-04.com.example:a"


def told(check: Check, source: Object) -> list[str]:
    report = Report()
    check(report, source, "v")
    return [cause.text() for cause in report.causes]


@pytest.mark.parametrize(
    ("check", "source", "found"),
    [
        (sources.check_host_path, {}, ["v.path: Required value"]),
        (
            sources.check_iscsi,
            {"targetPortal": "p", "iqn": "x", "lun": 256},
            [
                'v.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
                "v.lun: Invalid value: 256: must be between 0 and 255, inclusive",
            ],
        ),
        (
            sources.check_iscsi,
            {"targetPortal": "p", "iqn": IQN, "chapAuthSession": True},
            ["v.secretRef: Required value"],
        ),
        (
            sources.check_quobyte,
            {"registry": "a", "volume": "v"},
            [
                'v.registry: Invalid value: "a": must be a host:port pair or multiple pairs '
                "separated by commas"
            ],
        ),
        (
            sources.check_flex,
            {"driver": "a/b", "options": {"x.k8s.io/a": "b"}},
            [
                'v.options[x.k8s.io/a]: Invalid value: "x.k8s.io/a": kubernetes.io and k8s.io '
                "namespaces are reserved"
            ],
        ),
        (
            sources.check_csi_volume,
            {"volumeHandle": "h", "nodePublishSecretRef": {"name": "a"}},
            ["v.driver: Required value", "v.nodePublishSecretRef.namespace: Required value"],
        ),
        (
            sources.check_fc,
            {},
            ["v.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"],
        ),
    ],
)
def test_a_source_is_told_what_it_lacks(check: Check, source: Object, found: list[str]) -> None:
    assert told(check, source) == found


def test_projected_files_do_not_write_each_other() -> None:
    item = {"key": "k", "path": "p"}
    both: Object = {
        "sources": [{"secret": {"name": "s", "items": [item]}},
                    {"configMap": {"name": "c", "items": [item]}}]
    }  # fmt: skip
    assert told(check_projected, both) == ['v: Invalid value: "c": conflicting duplicate paths']


def test_signers_have_a_domain_and_a_name() -> None:
    report = Report()
    check_signer_name(report, "nodomain/a", "s")
    assert [cause.text() for cause in report.causes] == [
        's: Invalid value: "nodomain": should be a domain with at least two segments separated by '
        "dots"
    ]
    assert trust_bundle_name("a.b:c:d") == []
    assert trust_bundle_name(":d") == [
        'ClusterTrustBundle without signer name must not have ":" in its name'
    ]


VOLUME: Object = {
    "metadata": {"name": "a"},
    "spec": {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "csi": {"driver": "d.example.com", "volumeHandle": "h"},
    },
}


def changed_volume(**source: Object) -> list[str]:
    report = Report()
    check_volume_update(report, {**VOLUME, "spec": {**VOLUME["spec"], **source}}, VOLUME)
    return [cause.text() for cause in report.causes]


def test_the_source_of_a_volume_stays_but_may_learn_how_to_grow() -> None:
    csi = VOLUME["spec"]["csi"]
    secret = {"name": "n", "namespace": "n"}
    assert changed_volume(csi={**csi, "controllerExpandSecretRef": secret}) == []
    (found,) = changed_volume(csi={**csi, "volumeHandle": "i"})
    assert found.startswith(
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after "
        "creation\n@@ "
    )
    assert '-  "VolumeHandle": "h",\n+  "VolumeHandle": "i",\n' in found


def test_a_local_volume_says_on_which_nodes_it_is() -> None:
    report = Report()
    spec = {k: v for k, v in VOLUME["spec"].items() if k != "csi"}
    check_volume(report, {**VOLUME, "spec": {**spec, "local": {"path": "/a"}}})
    assert [cause.text() for cause in report.causes] == [
        "spec.nodeAffinity: Required value: Local volume requires node affinity"
    ]
