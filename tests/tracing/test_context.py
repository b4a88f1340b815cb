"""Trace context without OpenTelemetry, and with it loaded."""

import subprocess
import sys
import uuid

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from jobrunner.tracing import (
    continuing,
    current_traceparent,
    export_spans,
    readable_traceparent,
    trace_id_of,
    traceparent_of_run,
)

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_header_of_the_standard_is_taken_as_it_is() -> None:
    assert readable_traceparent(GIVEN) == GIVEN


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "x",
        GIVEN.upper(),
        f"{GIVEN}\n",
        f" {GIVEN}",
        GIVEN.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
    ],
)
def test_a_header_that_is_none_is_passed_over(text: str | None) -> None:
    assert readable_traceparent(text) is None


def test_nothing_is_continued_outside_of_a_block() -> None:
    with continuing(GIVEN):
        assert current_traceparent() == GIVEN
    assert current_traceparent() is None


def test_a_block_of_no_trace_is_of_the_one_around_it() -> None:
    with continuing(GIVEN), continuing(None):
        assert current_traceparent() == GIVEN


def test_an_open_span_comes_before_the_header_of_its_request() -> None:
    tracer = TracerProvider().get_tracer("tests")
    with continuing(GIVEN), tracer.start_as_current_span("inner") as span:
        context = span.get_span_context()
        ids = f"{context.trace_id:032x}-{context.span_id:016x}"
        assert current_traceparent() == f"00-{ids}-{context.trace_flags:02x}"
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_run_that_nobody_traced_is_a_trace_of_its_own() -> None:
    run_id = uuid.uuid4()
    own = traceparent_of_run(run_id, None)
    assert readable_traceparent(own) == own
    assert trace_id_of(own) == run_id.hex


def test_a_run_keeps_the_trace_it_was_asked_for_with() -> None:
    assert traceparent_of_run(uuid.uuid4(), GIVEN) == GIVEN


def test_no_span_is_exported_unless_somebody_asks() -> None:
    assert export_spans({}, service="tests") == ""
    assert export_spans({"OTEL_TRACES_EXPORTER": "none"}, service="tests") == ""


def test_an_exporter_that_is_not_installed_is_told_of() -> None:
    told = export_spans({"OTEL_TRACES_EXPORTER": "console,nowhere"}, service="tests")
    assert "nowhere" in told
    assert "console" not in told


def test_without_an_exporter_nothing_of_opentelemetry_is_loaded() -> None:
    code = (
        "import sys, jobrunner.execute, jobrunner.tracing as t\n"
        "t.export_spans({}, service='x')\n"
        "with t.attempt_of(t.traceparent_of_run(__import__('uuid').uuid4(), None), 'n', {}): pass\n"
        "t.send_spans()\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
