"""Whether requests are traced: if OpenTelemetry's environment says where spans go."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pinnace.apiserver.tracing import Tracing
from pinnace.cluster.config import ConfigError

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


@contextmanager
def tracing() -> Iterator[Tracing | None]:
    """Give a tracer if one is configured, and send what is left at the end; raises ConfigError."""
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        yield None
        return
    try:
        module = importlib.import_module("pinnace.apiserver.otel")
    except ImportError as error:
        raise ConfigError(
            "requests are to be traced, but OpenTelemetry is not there: install pinnace[otel]"
        ) from error
    tracer = module.OpenTelemetry()
    try:
        yield tracer
    finally:
        tracer.close()
