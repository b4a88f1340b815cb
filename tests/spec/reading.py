"""Reads texts as projects, for the tests of this room."""

from jobrunner.spec.models import JobSpec
from jobrunner.spec.parse import ParsedProject, parse_project
from jobrunner.spec.project import Given
from jobrunner.spec.yaml import SourceFile


def parse(
    *texts: str | bytes, project: str | None = None, environment: str = "", **variables: str
) -> ParsedProject:
    """The texts as files `0.yaml`, `1.yaml` …; `project` is the text of the project file, and each variable
    that of `${NAME}`.
    """
    config = None if project is None else SourceFile("jobrunner.yaml", project.encode())
    files = [
        SourceFile(f"{number}.yaml", text if isinstance(text, bytes) else text.encode())
        for number, text in enumerate(texts)
    ]
    return parse_project(config, files, given=Given(environment, variables))


def read_job(
    text: str, project: str | None = None, environment: str = "", **variables: str
) -> JobSpec:
    """The only job of a text without mistakes."""
    parsed = parse(text, project=project, environment=environment, **variables)
    assert parsed.diagnostics == ()
    (job,) = parsed.jobs
    return job.spec


def mistakes(
    *texts: str | bytes, project: str | None = None, environment: str = "", **variables: str
) -> list[tuple[str, int, int]]:
    """(code, line, column) of every mistake."""
    parsed = parse(*texts, project=project, environment=environment, **variables)
    return [
        (found.code, found.location.line, found.location.column) for found in parsed.diagnostics
    ]
