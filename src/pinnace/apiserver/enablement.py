"""Which versions of built-in resources are served: `--runtime-config` and `--feature-gates`.

Stable versions are, the others are when somebody asks for them, as since Kubernetes 1.24. Some
need a feature gate besides. Upstream: apiserver `pkg/server/resourceconfig`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from pinnace.api.resources import Resource

Key = tuple[str, str, str]

_STABLE, _BETA, _ALPHA = (re.compile(text) for text in (r"v\d+", r"v\d+beta\d+", r"v\d+alpha\d+"))
_ALL = re.compile(r"v\d+.*")
# In the order in which they count, whatever the order in which they are given.
_MATCHERS = {"api/all": _ALL, "api/ga": _STABLE, "api/beta": _BETA, "api/alpha": _ALPHA}
# Gates that are off by default, by the resources that need them.
_GATED: Mapping[tuple[str, str], str] = {
    ("certificates.k8s.io", "clustertrustbundles"): "ClusterTrustBundle",
    ("certificates.k8s.io", "podcertificaterequests"): "PodCertificateRequest",
    ("scheduling.k8s.io", "podgroups"): "GenericWorkload",
    ("scheduling.k8s.io", "workloads"): "GenericWorkload",
    ("storagemigration.k8s.io", "storageversionmigrations"): "StorageVersionMigrator",
}
_ALPHA_GATES = frozenset(("GenericWorkload",))
_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))


def unserved(
    rows: Iterable[Resource], runtime_config: Sequence[str], feature_gates: Sequence[str]
) -> frozenset[Key]:
    """Return what is not served; raises ValueError with one line of upstream's.

    Settings are texts `key=value`; a key without a value is on.
    """
    rows = tuple(rows)
    given = _pairs(runtime_config)
    if given == {"api/all": "false"}:
        raise ValueError("invalid runtime-config with only api/all=false")
    gates = _gates(feature_gates)
    served = {_key(row): bool(_STABLE.fullmatch(row.version)) for row in rows}
    for name, matcher in _MATCHERS.items():
        if name in given:
            if given[name] not in ("true", "false"):
                raise ValueError(f"invalid value {name}={given[name]}")
            for key in served:
                if matcher.fullmatch(key[1]):
                    served[key] = given[name] == "true"
    _prefer(served, given)
    off = (key for key, on in served.items() if not on or not _is_gated_on(key, gates))
    return frozenset(off)


def _key(row: Resource) -> Key:
    return row.group, row.version, row.plural


def _is_gated_on(key: Key, gates: Mapping[str, bool]) -> bool:
    gate = _GATED.get((key[0], key[2]))
    return gate is None or gates[gate]


def _prefer(served: dict[Key, bool], given: Mapping[str, str]) -> None:
    """Take over what is said of single versions, and then of single resources."""
    keys = [(name, tuple(name.split("/"))) for name in given if name not in _MATCHERS]
    for name, parts in sorted(keys, key=lambda each: len(each[1])):
        # The core group has no name, and its version stands behind `api/`.
        group, version = ("" if parts[0] == "api" else parts[0]), "".join(parts[1:2])
        if len(parts) not in (2, 3):
            raise ValueError(f"runtime-config invalid key {name}")
        if not any(key[0] == group for key in served):
            raise ValueError(f"unknown api groups {group}/{version}")
        if not any(key[:2] == (group, version) for key in served):
            why = "that has not been registered"
            raise ValueError(f"group version {group}/{version} {why}")
        on = _truth(given[name], f"invalid value of {name}")
        for key in served:
            if key[:2] == (group, version) and parts[2:] in ((), (key[2],)):
                served[key] = on


def _gates(given: Sequence[str]) -> dict[str, bool]:
    """Return the gates that this server knows; raises ValueError for any other."""
    gates = dict.fromkeys(_GATED.values(), False)
    told = {
        name: _truth(value, f"invalid value of {name}") for name, value in _pairs(given).items()
    }
    for name in gates:
        group = "AllAlpha" if name in _ALPHA_GATES else "AllBeta"
        gates[name] = told.get(name, told.get(group, False))
    for name in told:
        if name not in gates and name not in ("AllAlpha", "AllBeta"):
            raise ValueError(f"feature gate {name} is not supported")
    return gates


def _pairs(given: Sequence[str]) -> dict[str, str]:
    parts = (text.partition("=") for text in given)
    return {name.strip(): value.strip() if equals else "true" for name, equals, value in parts}


def _truth(text: str, what: str) -> bool:
    if text in _TRUE or not text:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'{what}: {text}, err: strconv.ParseBool: parsing "{text}": invalid syntax')
