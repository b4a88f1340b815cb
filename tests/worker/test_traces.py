"""A real worker and the spans that it exports."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jobrunner.broker import Sender, make_app
from jobrunner.settings import Settings
from tests.ledger import Ledger
from tests.project import Project
from tests.waiting import wait_until
from tests.worker.conftest import StartWorker, outgoing

GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_EXPORTER = """
import json

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult


class ToFile(SpanExporter):
    def export(self, spans):
        with open("spans.jsonl", "a") as file:
            for span in spans:
                file.write(json.dumps(json.loads(span.to_json())) + "\\n")
        return SpanExportResult.SUCCESS
"""
_TASKS = """
import jobrunner


def where():
    return jobrunner.current_run().traceparent


def fails():
    raise ValueError("as told")
"""


@pytest.fixture
def exporting(folder: Project) -> Project:
    """A project whose worker exports spans to a file, by a plug-in as OpenTelemetry's own are."""
    folder.write("acme.py", _TASKS)
    folder.write("to_file.py", _EXPORTER)
    folder.write(
        "to_file-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: to-file\nVersion: 1\n"
    )
    folder.write(
        "to_file-1.dist-info/entry_points.txt",
        "[opentelemetry_traces_exporter]\nto_file = to_file:ToFile\n",
    )
    folder.environment |= {"OTEL_TRACES_EXPORTER": "to_file", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    return folder


Wake = Callable[[uuid.UUID], None]


@pytest.fixture
def wake(broker_url: str) -> Wake:
    """Sends the message of a run."""
    sender = Sender(make_app(Settings(broker_url=broker_url)))
    return lambda run_id: sender.send([outgoing(run_id)], datetime.now(UTC))


def spans(project: Project) -> list[dict[str, Any]]:
    file: Path = project.path / "spans.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_each_attempt_is_a_span_of_the_trace_the_run_was_asked_for_in(
    exporting: Project, start_worker: StartWorker, wake: Wake, ledger: Ledger
) -> None:
    start_worker("-c", "1")
    run_id = ledger.add_run(ledger.add_job("acme.where"), traceparent=GIVEN)
    wake(run_id)
    wait_until(lambda: spans(exporting))
    [span] = spans(exporting)
    assert span["context"]["trace_id"] == f"0x{GIVEN[3:35]}"
    assert span["parent_id"] == f"0x{GIVEN[36:52]}"
    assert span["name"] == "test/job"
    assert span["attributes"]["jobrunner.run"] == str(run_id)
    assert span["attributes"]["jobrunner.outcome"] == "succeeded"
    assert span["resource"]["attributes"]["service.name"] == "jobrunner-worker"
    inner = f"00-{GIVEN[3:35]}-{span['context']['span_id'][2:]}-01"
    assert ledger.run(run_id)["result"] == inner


def test_all_attempts_of_a_run_are_in_one_trace(
    exporting: Project, start_worker: StartWorker, wake: Wake, ledger: Ledger
) -> None:
    start_worker("-c", "1")
    job_id = ledger.add_job("acme.fails", retry={"max_retries": 1, "delay": "1h"})
    run_id = ledger.add_run(job_id)
    wake(run_id)
    wait_until(lambda: ledger.run(run_id)["error"])
    ledger.make_available(run_id)
    wake(run_id)
    wait_until(lambda: len(spans(exporting)) == 2)
    first, second = spans(exporting)
    assert first["context"]["trace_id"] == second["context"]["trace_id"] == f"0x{run_id.hex}"
    assert [each["status"]["status_code"] for each in (first, second)] == ["ERROR", "ERROR"]


@pytest.mark.parametrize("isolate", [False, True])
def test_a_run_knows_its_trace_without_opentelemetry(
    isolate: bool,  # noqa: FBT001  a parameter of the test
    folder: Project,
    start_worker: StartWorker,
    wake: Wake,
    ledger: Ledger,
) -> None:
    folder.write("acme.py", _TASKS)
    worker = start_worker("-c", "1")
    run_id = ledger.add_run(ledger.add_job("acme.where", isolate=isolate), traceparent=GIVEN)
    wake(run_id)
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert ledger.run(run_id)["result"] == GIVEN
    assert GIVEN[3:35] in worker.wait_for_line("run_ended")


def test_the_spans_of_an_isolated_run_are_sent_before_its_process_ends(
    exporting: Project, start_worker: StartWorker, wake: Wake, ledger: Ledger
) -> None:
    exporting.environment["OTEL_BSP_SCHEDULE_DELAY"] = "60000"
    start_worker("-c", "1")
    run_id = ledger.add_run(ledger.add_job("acme.where", isolate=True))
    wake(run_id)
    wait_until(lambda: spans(exporting))
    assert spans(exporting)[0]["context"]["trace_id"] == f"0x{run_id.hex}"


def test_an_exporter_that_is_missing_is_told_of_and_ends_nothing(
    folder: Project, start_worker: StartWorker, wake: Wake, ledger: Ledger
) -> None:
    folder.environment["OTEL_TRACES_EXPORTER"] = "nowhere"
    worker = start_worker("-c", "1")
    run_id = ledger.add_run(ledger.add_job("acme.quick"))
    wake(run_id)
    wait_until(lambda: ledger.state(run_id) == "succeeded")
    assert "nowhere" in worker.wait_for_line("spans_not_exported")
