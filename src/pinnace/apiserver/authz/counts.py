"""What is counted of authorization, by upstream's names."""

from prometheus_client.core import Metric

from pinnace.apiserver.tallies import Counters, Histograms

_WEBHOOK_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_MATCH_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25)
_AUTHORIZATION = "apiserver_authorization_"
_CONFIG = f"{_AUTHORIZATION}config_controller_"


class Counts:
    """The numbers of one server."""

    def __init__(self) -> None:
        self.decisions = Counters(
            f"{_AUTHORIZATION}decisions_total",
            "[ALPHA] Total number of terminal decisions made by an authorizer split by authorizer "
            "type, name, and decision.",
            ("type", "name", "decision"),
        )
        self.webhook_calls = Counters(
            f"{_AUTHORIZATION}webhook_evaluations_total",
            "[ALPHA] Round-trips to authorization webhooks.",
            ("name", "result"),
        )
        self.webhook_seconds = Histograms(
            f"{_AUTHORIZATION}webhook_duration_seconds",
            "[ALPHA] Request latency in seconds.",
            ("name", "result"),
            _WEBHOOK_SECONDS,
        )
        self.webhook_ignored = Counters(
            f"{_AUTHORIZATION}webhook_evaluations_fail_open_total",
            "[ALPHA] NoOpinion results due to webhook timeout or error.",
            ("name", "result"),
        )
        self.match_errors = Counters(
            f"{_AUTHORIZATION}match_condition_evaluation_errors_total",
            "[ALPHA] Total number of errors when an authorization webhook encounters a match "
            "condition error split by authorizer type and name.",
            ("type", "name"),
        )
        self.match_exclusions = Counters(
            f"{_AUTHORIZATION}match_condition_exclusions_total",
            "[ALPHA] Total number of exclusions when an authorization webhook is skipped because "
            "match conditions exclude it.",
            ("type", "name"),
        )
        self.match_seconds = Histograms(
            f"{_AUTHORIZATION}match_condition_evaluation_seconds",
            "[ALPHA] Authorization match condition evaluation time in seconds, split by authorizer "
            "type and name.",
            ("type", "name"),
            _MATCH_SECONDS,
        )
        self.reloads = Counters(
            f"{_CONFIG}automatic_reloads_total",
            "[BETA] Total number of automatic reloads of authorization configuration split by "
            "status and apiserver identity.",
            ("status", "apiserver_id_hash"),
        )
        self.reloaded_at = Counters(
            f"{_CONFIG}automatic_reload_last_timestamp_seconds",
            "[BETA] Timestamp of the last automatic reload of authorization configuration split by "
            "status and apiserver identity.",
            ("status", "apiserver_id_hash"),
            kind="gauge",
        )
        self.config = Counters(
            f"{_CONFIG}last_config_info",
            "[ALPHA] Information about the last applied authorization configuration with hash as "
            "label, split by apiserver identity.",
            ("apiserver_id_hash", "hash"),
            kind="gauge",
        )

    def all(self) -> list[Metric]:
        """Return everything as it is now."""
        tables: list[Counters | Histograms] = list(vars(self).values())
        return [table.snapshot() for table in tables]
