"""Warnings that are made from jobs get the line of the file they speak of."""

from dataclasses import replace

from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import Location
from jobrunner.spec.source_lines import with_source_lines
from jobrunner.spec.yaml import SourceFile

FILE = SourceFile("jobs.d/ops.yaml", b"\xef\xbb\xbfjobs:\n  report:\n    timeout: 5m  # long\n")
WARNING = Diagnostic(
    code="W203",
    severity="warning",
    message="ops/report#default: may run for 5 minutes",
    location=Location(file="jobs.d/ops.yaml", line=3),
    source_line="",
)


def test_a_warning_points_at_the_key_of_its_line() -> None:
    (found,) = with_source_lines([WARNING], [FILE])
    assert found.source_line == "    timeout: 5m  # long"
    assert (found.location.line, found.location.column, found.width) == (3, 5, 7)


def test_one_that_has_its_line_stays_as_it_is() -> None:
    drawn = replace(WARNING, source_line="timeout: 5m", width=3)
    assert with_source_lines([drawn], [FILE]) == (drawn,)


def test_one_of_an_unknown_file_or_line_stays_as_it_is() -> None:
    beyond = replace(WARNING, location=Location(file="jobs.d/ops.yaml", line=99))
    assert with_source_lines([WARNING], []) == (WARNING,)
    assert with_source_lines([beyond], [FILE]) == (beyond,)
