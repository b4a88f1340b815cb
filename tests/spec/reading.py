"""Reads texts as projects, for the tests of this room."""

from jobrunner.spec.models import JobSpec
from jobrunner.spec.parse import ParsedProject, parse_project
from jobrunner.spec.yaml import SourceFile


def parse(*texts: str | bytes, project: str | None = None) -> ParsedProject:
    """The texts as files `0.yaml`, `1.yaml` …; `project` is the text of the project file."""
    config = None if project is None else SourceFile("jobrunner.yaml", project.encode())
    files = [
        SourceFile(f"{number}.yaml", text if isinstance(text, bytes) else text.encode())
        for number, text in enumerate(texts)
    ]
    return parse_project(config, files)


def read_job(text: str, project: str | None = None) -> JobSpec:
    """The only job of a text without mistakes."""
    parsed = parse(text, project=project)
    assert parsed.diagnostics == ()
    (job,) = parsed.jobs
    return job.spec


def mistakes(*texts: str | bytes, project: str | None = None) -> list[tuple[str, int, int]]:
    """(code, line, column) of every mistake."""
    return [
        (found.code, found.location.line, found.location.column)
        for found in parse(*texts, project=project).diagnostics
    ]
