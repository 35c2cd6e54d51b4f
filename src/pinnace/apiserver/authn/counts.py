"""What authentication counts, by upstream's names."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client.core import Metric

from pinnace.apiserver.tallies import Counters, Histograms

_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_JWT = "apiserver_authentication_jwt_authenticator"
_RELOADS = "apiserver_authentication_config_controller"
_SERVER = "apiserver_id_hash"


def hashed(text: str) -> str:
    """Return how metrics name what they must not tell."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" if text else ""


def _uses(name: str, what: str) -> Counters:
    return Counters(f"serviceaccount_{name}_total", f"[ALPHA] Cumulative {what}", ())


def _remaining() -> Histograms:
    day = 86400
    months = (30 * day, 90 * day, 180 * day, 360 * day)
    edges = (0, 1800, 3600, 7200, 21600, 43200, day, 2 * day, 4 * day, 7 * day, *months)
    return Histograms(
        "apiserver_client_certificate_expiration_seconds",
        "[ALPHA] Distribution of the remaining lifetime on the certificate used to authenticate a"
        " request.",
        (),
        edges,
    )


@dataclass(slots=True)
class AuthnCounts:
    """Everything that the methods of one server count; `server` is its identity."""

    server: str = ""
    legacy_tokens: Counters = field(
        default_factory=lambda: _uses("legacy_tokens", "legacy service account tokens used")
    )
    stale_tokens: Counters = field(
        default_factory=lambda: _uses("stale_tokens", "stale projected service account tokens used")
    )
    valid_tokens: Counters = field(
        default_factory=lambda: _uses("valid_tokens", "valid projected service account tokens used")
    )
    manual_uses: Counters = field(
        default_factory=lambda: _uses(
            "legacy_manual_token_uses", "manually created legacy tokens used"
        )
    )
    auto_uses: Counters = field(
        default_factory=lambda: _uses("legacy_auto_token_uses", "auto-generated legacy tokens used")
    )
    invalid_uses: Counters = field(
        default_factory=lambda: _uses(
            "invalid_legacy_auto_token_uses", "invalid auto-generated legacy tokens used"
        )
    )
    certificate_seconds: Histograms = field(default_factory=_remaining)
    jwt_seconds: Histograms = field(
        default_factory=lambda: Histograms(
            f"{_JWT}_latency_seconds",
            "[ALPHA] Latency of jwt authentication operations in seconds. This is the time spent "
            "authenticating a token for cache miss only (i.e. when the token is not found in the "
            "cache).",
            ("result", "jwt_issuer_hash"),
            _SECONDS,
        )
    )
    key_fetches: Counters = field(
        default_factory=lambda: Counters(
            f"{_JWT}_jwks_fetch_last_timestamp_seconds",
            "[ALPHA] Timestamp of the last successful or failed JWKS fetch split by result, api "
            "server identity and jwt issuer for the JWT authenticator.",
            ("result", "jwt_issuer_hash", _SERVER),
            "gauge",
        )
    )
    key_sets: Counters = field(
        default_factory=lambda: Counters(
            f"{_JWT}_jwks_fetch_last_key_set_info",
            "[ALPHA] Information about the last JWKS fetched by the JWT authenticator with hash as "
            "label, split by api server identity and jwt issuer.",
            ("jwt_issuer_hash", _SERVER, "hash"),
            "gauge",
        )
    )
    reloads: Counters = field(
        default_factory=lambda: Counters(
            f"{_RELOADS}_automatic_reloads_total",
            "[BETA] Total number of automatic reloads of authentication configuration split by "
            "status and apiserver identity.",
            ("status", _SERVER),
        )
    )
    reload_times: Counters = field(
        default_factory=lambda: Counters(
            f"{_RELOADS}_automatic_reload_last_timestamp_seconds",
            "[BETA] Timestamp of the last automatic reload of authentication configuration split "
            "by status and apiserver identity.",
            ("status", _SERVER),
            "gauge",
        )
    )
    configs: Counters = field(
        default_factory=lambda: Counters(
            f"{_RELOADS}_last_config_info",
            "[BETA] Information about the last applied authentication configuration with hash as "
            "label, split by apiserver identity.",
            (_SERVER, "hash"),
            "gauge",
        )
    )

    def fetched(self, issuer: str, now: float, keys: bytes | None) -> None:
        """Note that an issuer's keys were asked for; None if they were not to be had."""
        server, name = hashed(self.server), hashed(issuer)
        result = "failure" if keys is None else "success"
        self.key_fetches.values[result, name, server] = now
        if keys is not None:
            self._forget_keys(name)
            self.key_sets.values[name, server, hashed(keys.decode(errors="replace"))] = 1

    def forget_issuer(self, issuer: str) -> None:
        """Say no more of an issuer that is not believed any more."""
        name = hashed(issuer)
        self._forget_keys(name)
        for key in [key for key in self.key_fetches.values if key[1] == name]:
            del self.key_fetches.values[key]

    def configured(self, text: str) -> None:
        """Note which configuration is in force."""
        self.configs.values.clear()
        self.configs.values[hashed(self.server), hashed(text)] = 1

    def reloaded(self, now: float, *, good: bool) -> None:
        """Note that a configuration was read anew."""
        key = "success" if good else "failure", hashed(self.server)
        self.reloads.add(key)
        self.reload_times.values[key] = now

    def _forget_keys(self, issuer: str) -> None:
        for key in [key for key in self.key_sets.values if key[0] == issuer]:
            del self.key_sets.values[key]

    def all(self) -> Iterable[Metric]:
        """Return everything as it is now."""
        for name in self.__slots__:
            table = getattr(self, name)
            if isinstance(table, Counters | Histograms):
                yield table.snapshot()
