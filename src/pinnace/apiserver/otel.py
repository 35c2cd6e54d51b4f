"""Spans for OpenTelemetry; the extra `otel` brings what is imported here.

Where spans go and how many are kept is told by OpenTelemetry's own environment variables.
"""

from typing import Any

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pinnace.api.wire import Request
from pinnace.apiserver.routes import RequestInfo
from pinnace.apiserver.tracing import span_name

_FAILED = 500


class OpenTelemetry:
    """A tracer that sends what it is told in batches, from a thread of its own."""

    def __init__(self, processor: SpanProcessor | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": "apiserver"}))
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("pinnace.apiserver")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, request: Request, info: RequestInfo, audit: str) -> Any:
        """Begin a span, below the one that the client names."""
        return self._tracer.start_span(
            span_name(request, info),
            context=self._propagator.extract(request.headers),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": request.method,
                "url.path": request.path,
                "user_agent.original": request.headers.get("user-agent", ""),
                "client.address": request.remote,
                "audit-id": audit,
            },
        )

    def end(self, span: Any, code: int) -> None:
        """End a span with the code of the answer."""
        if code:
            span.set_attribute("http.response.status_code", code)
        if code >= _FAILED:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
