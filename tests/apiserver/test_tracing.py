from typing import Any

import pytest

from pinnace.api.wire import Request
from pinnace.apiserver.routes import RequestInfo, parse
from pinnace.apiserver.tracing import span_name


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/api/v1/pods", "GET /api/v1/pods"),
        (
            "PUT",
            "/apis/apps/v1/namespaces/n/deployments/d/scale",
            "PUT /apis/apps/v1/namespaces/{:namespace}/deployments/{:name}/scale",
        ),
        ("GET", "/version", "GET"),
    ],
)
def test_a_span_is_named_without_what_has_no_bound(method: str, path: str, name: str) -> None:
    request = Request(method=method, path=path)
    assert span_name(request, parse(request)) == name


class Told:
    def __init__(self) -> None:
        self.spans: list[Any] = []

    def begin(self, request: Request, info: RequestInfo, audit: str) -> Any:
        return request.path

    def end(self, span: Any, code: int) -> None:
        self.spans.append((span, code))


async def test_each_request_is_a_span_that_ends_with_its_code(api: Any) -> None:
    told = api.server.tracing = Told()
    await api.do("GET", "/api/v1/namespaces/nope")
    assert told.spans == [("/api/v1/namespaces/nope", 404)]


def test_a_span_continues_the_trace_of_the_client() -> None:
    memory = pytest.importorskip(
        "opentelemetry.sdk.trace.export.in_memory_span_exporter", exc_type=ImportError
    )
    pytest.importorskip("opentelemetry.exporter.otlp.proto.grpc", exc_type=ImportError)
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415

    from pinnace.apiserver.otel import OpenTelemetry  # noqa: PLC0415

    exporter = memory.InMemorySpanExporter()
    tracing = OpenTelemetry(SimpleSpanProcessor(exporter))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    request = Request(method="GET", path="/api/v1/pods", headers={"traceparent": parent})
    tracing.end(tracing.begin(request, parse(request), "id"), 503)
    (span,) = exporter.get_finished_spans()
    assert span.name == "GET /api/v1/pods"
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert span.attributes["http.response.status_code"] == 503
