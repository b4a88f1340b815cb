"""Where each value of a job comes from, and what it took the place of."""

from jobrunner.spec.origins import Origin, origins_of
from jobrunner.spec.parse import trace_job
from jobrunner.spec.project import Given
from jobrunner.spec.yaml import SourceFile

PROJECT = """\
environments:
  prod: {vars: {BUCKET: b-prd}, defaults: {owner: ops, priority: 3}}
  off: {enabled: false}
defaults: {queue: project, priority: 2, timezone: Europe/Berlin}
templates: {sync: {queue: sync, schedule: {every: 1h, jitter: 1m}}}
"""
JOB = """\
defaults: {queue: file}
jobs:
  a:
    task: m.f
    extends: sync
    enabled: true
    sensitive: [pin]
    kwargs: {bucket: "s3://${BUCKET:-dev}", pin: canary, key: {secret: "env:KEY"}}
    schedule: "@daily"
  b: {task: m.f, matrix: {x: [eu]}, owner: "${matrix.x}"}
"""


def origins(address: str = "default/a", environment: str = "") -> dict[str, Origin]:
    """Field → its origin."""
    traced = trace_job(
        SourceFile("jobrunner.yaml", PROJECT.encode()),
        [SourceFile("jobs.yaml", JOB.encode())],
        address,
        given=Given(environment),
    )
    assert traced is not None
    return {one.field: one for one in origins_of(traced)}


def chain(origin: Origin) -> list[tuple[str, object]]:
    return [(one.layer, one.value) for one in (origin.source, *origin.replaced)]


def test_a_value_names_its_layer_and_those_it_took_the_place_of() -> None:
    found = origins(environment="prod")
    assert chain(found["queue"]) == [
        ("template sync", "sync"), ("file defaults", "file"), ("project defaults", "project"),
    ]  # fmt: skip
    assert chain(found["priority"]) == [("environment prod", 3), ("project defaults", 2)]
    assert chain(found["task"]) == [("job", "m.f")]


def test_a_value_stands_where_it_is_written() -> None:
    place = origins()["queue"].source.location
    assert place is not None
    assert (place.file, place.line, place.column) == ("jobrunner.yaml", 5, 27)


def test_what_nobody_wrote_is_built_in() -> None:
    source = origins()["timeout"].source
    assert (source.layer, source.value, source.location) == ("built-in", "1h", None)


def test_a_schedule_tells_each_of_its_keys() -> None:
    found = origins()
    assert chain(found["schedule.cron"]) == [("job", "@daily")]
    assert chain(found["schedule.jitter"]) == [("template sync", "1m")]
    assert "schedule.every" not in found


def test_a_closed_gate_is_the_reason_why_a_job_is_off() -> None:
    assert chain(origins(environment="off")["enabled"]) == [
        ("environment off", False),
        ("job", True),
    ]


def test_an_expanded_value_tells_how_it_is_written() -> None:
    source = origins(environment="prod")["kwargs.bucket"].source
    assert (source.value, source.written) == ("s3://b-prd", "s3://${BUCKET:-dev}")
    of_matrix = origins("default/b-eu")["owner"].source
    assert (of_matrix.value, of_matrix.written) == ("eu", "${matrix.x}")


def test_what_nobody_may_see_is_hidden() -> None:
    found = origins()
    assert found["kwargs.pin"].source.value == "(sensitive)"
    assert found["kwargs.key"].source.value == {"secret": "env:KEY"}
    assert "canary" not in str([one.as_json() for one in found.values()])


def test_a_job_that_is_not_there_has_none() -> None:
    assert trace_job(None, [SourceFile("jobs.yaml", JOB.encode())], "default/nope") is None
