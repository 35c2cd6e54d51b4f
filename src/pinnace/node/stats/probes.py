"""Counts what probes have found, for `/metrics/probes`."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from pinnace.node.stats.exposition import Family, rendered

# prometheus.DefBuckets.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Noted = Callable[[str, str, str, float], None]


@dataclass(slots=True)
class _Durations:
    counts: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    total: float = 0.0


@dataclass(slots=True)
class ProbeTallies:
    """The results of one Pod's probes, by kind of probe and container."""

    namespace: str
    pod: str
    uid: str
    results: dict[tuple[str, str, str], int] = field(default_factory=dict)
    durations: dict[tuple[str, str], _Durations] = field(default_factory=dict)

    def note(self, kind: str, container: str, result: str, seconds: float) -> None:
        """Count one probe: `successful`, `failed` or `unknown`."""
        key = kind.capitalize(), container
        self.results[*key, result] = self.results.get((*key, result), 0) + 1
        # As upstream: how long failures took is not told.
        if result != "failed":
            durations = self.durations.setdefault(key, _Durations())
            durations.counts[bisect_left(_BUCKETS, seconds)] += 1
            durations.total += seconds


def probe_metrics(tallies: list[ProbeTallies]) -> str:
    """Return the metrics of all Pods' probes."""
    total = Family(
        "prober_probe_total",
        "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by "
        "result.",
        "counter",
    )
    durations = Family(
        "prober_probe_duration_seconds",
        "[ALPHA] Duration in seconds for a probe response.",
        "histogram",
    )
    for each in tallies:
        where = {"namespace": each.namespace, "pod": each.pod}
        for (kind, container, result), count in sorted(each.results.items()):
            labels = {"container": container, **where, "pod_uid": each.uid, "probe_type": kind}
            total.add(count, {**labels, "result": result})
        for (kind, container), found in sorted(each.durations.items()):
            _add(durations, found, {"container": container, **where, "probe_type": kind})
    return rendered([total, durations])


def _add(family: Family, found: _Durations, labels: dict[str, str]) -> None:
    running = 0
    for bound, count in zip((*map(str, _BUCKETS), "+Inf"), found.counts, strict=True):
        running += count
        le = bound.removesuffix(".0")
        family.add(running, {**labels, "le": le}, suffix="_bucket")
    family.add(found.total, labels, suffix="_sum")
    family.add(running, labels, suffix="_count")
