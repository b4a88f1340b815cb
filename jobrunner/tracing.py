"""W3C trace context: a run continues the trace of whoever asked for it, and each attempt is a span of it.

A run that nobody traced is a trace of its own: its trace id is the run's id without dashes. So all
attempts of a run are in one trace, and nothing has to be written at its dispatch.

OpenTelemetry is used where it is loaded: by the process itself for `OTEL_TRACES_EXPORTER`, or by what it
runs. Without it no span is made, and the context is passed on all the same.
"""

import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import entry_points
from typing import Any

EXPORTER_VARIABLE = "OTEL_TRACES_EXPORTER"
_EXPORTERS = "opentelemetry_traces_exporter"
"""The group of entry points by which OpenTelemetry itself finds them."""
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)

_FLUSH_MILLISECONDS = 2_000
"""A collector that is away holds a process up for so long, and no longer."""

_continued: ContextVar[str | None] = ContextVar("jobrunner_traceparent", default=None)


def readable_traceparent(text: str | None) -> str | None:
    """The header as it is, where it is one; what is none is as if it were not there."""
    return text if text is not None and _TRACEPARENT.fullmatch(text) else None


def current_traceparent() -> str | None:
    """Of the span that is open here, or of the request or the run that is being worked off."""
    loaded = _loaded()
    if loaded is not None:
        context = loaded.get_current_span().get_span_context()
        if context.is_valid:
            return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return _continued.get()


@contextmanager
def continuing(traceparent: str | None) -> Iterator[None]:
    """What is asked for in this block belongs to that trace; None: to the one around it, if any."""
    if traceparent is None:
        yield
        return
    token = _continued.set(traceparent)
    try:
        yield
    finally:
        _continued.reset(token)


def traceparent_of_run(run_id: uuid.UUID, traceparent: str | None) -> str:
    """The one that it was asked for with, or its own."""
    return traceparent or f"00-{run_id.hex}-{run_id.hex[16:]}-01"


def trace_id_of(traceparent: str) -> str:
    """Its 32 digits."""
    return traceparent[3:35]


@contextmanager
def attempt_of(traceparent: str, name: str, attributes: Mapping[str, str | int]) -> Iterator[None]:
    """The block is an attempt of the run that has this context."""
    loaded = _recording()
    if loaded is None:
        with continuing(traceparent):
            yield
        return
    span = loaded.get_tracer("jobrunner").start_as_current_span(
        name,
        context=loaded.set_span_in_context(_remote_span(loaded, traceparent)),
        kind=loaded.SpanKind.CONSUMER,
        attributes=attributes,
    )
    with continuing(traceparent), span:
        yield


def attempt_ended(outcome: str, error: str | None) -> None:
    """How the attempt of this block did; an error makes its span one that failed."""
    loaded = _recording()
    if loaded is not None:
        span = loaded.get_current_span()
        span.set_attribute("jobrunner.outcome", outcome)
        if error is not None:
            span.set_status(loaded.Status(loaded.StatusCode.ERROR, error))


def _loaded() -> Any:
    """OpenTelemetry, where somebody has loaded it."""
    return sys.modules.get("opentelemetry.trace")


def _recording() -> Any:
    """The same, where somebody has also said what becomes of a span.

    redis-py loads OpenTelemetry wherever it is installed; spans that nobody asked for cost a worker as much
    as the line that it logs of a run.
    """
    loaded = _loaded()
    if loaded is None or isinstance(loaded.get_tracer_provider(), loaded.ProxyTracerProvider):
        return None
    return loaded


def _remote_span(loaded: Any, traceparent: str) -> Any:
    _, trace_id, span_id, flags = traceparent.split("-")
    return loaded.NonRecordingSpan(
        loaded.SpanContext(
            int(trace_id, 16),
            int(span_id, 16),
            is_remote=True,
            trace_flags=loaded.TraceFlags(int(flags, 16)),
        )
    )


def export_spans(environ: Mapping[str, str], *, service: str) -> str:
    """Send the spans of this process where OTEL_TRACES_EXPORTER says; why that cannot be, or ''.

    To be called after the last fork. What is not told by other variables of OpenTelemetry is named
    `service`.
    """
    wanted = environ.get(EXPORTER_VARIABLE, "none").strip()
    if wanted in {"", "none"}:
        return ""
    found = {each.name: each for each in entry_points(group=_EXPORTERS)}
    missing = [name for name in wanted.split(",") if name not in found]
    if missing:
        return (
            f"{EXPORTER_VARIABLE} names {', '.join(missing)}, which is not installed; "
            "pip install 'celery-jobrunner[otel]' opentelemetry-exporter-otlp"
        )
    # Not before it is asked for: it is heavy, and an extra.
    from opentelemetry import trace  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    named = {} if environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
    provider = TracerProvider(resource=Resource.create(named))
    for name in wanted.split(","):
        provider.add_span_processor(BatchSpanProcessor(found[name].load()()))
    trace.set_tracer_provider(provider)
    return ""


def send_spans() -> None:
    """Those that were not sent yet, before this process ends."""
    loaded = _loaded()
    flush = getattr(None if loaded is None else loaded.get_tracer_provider(), "force_flush", None)
    if flush is not None:
        flush(_FLUSH_MILLISECONDS)
