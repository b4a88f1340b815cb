"""What holds of every project, from the text of its files to the rows of the database."""

from datetime import datetime
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from jobrunner.plan.changes import Plan
from jobrunner.reconcile import Applied
from jobrunner.schedule import next_time
from jobrunner.spec.models import JobSpec, ScheduleSpec, load_job
from jobrunner.spec.parse import parse_project
from jobrunner.spec.rendering import as_yaml, rendered
from jobrunner.spec.yaml import SourceFile
from tests.properties.projects import (
    LAYERS,
    Files,
    Tree,
    edits,
    parse_files,
    projects,
    with_defaults,
)
from tests.properties.rows import all_rows, rows_of_project
from tests.reconcile.acme import NOW, Reconciler

RANDOM = st.randoms(use_true_random=False)
on_a_database = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def specs(files: Files, random: Random | None = None) -> list[JobSpec]:
    return [job.spec for job in parse_files(files, random).jobs]


def apply(acme: Reconciler, files: Files) -> Applied:
    parsed = parse_files(files)
    return acme.apply(*parsed.jobs, notifiers=parsed.notifiers)


def plan(acme: Reconciler, files: Files, random: Random | None = None) -> Plan:
    parsed = parse_files(files, random)
    return acme.plan(*parsed.jobs, notifiers=parsed.notifiers)


def what_is_stored(engine: Engine) -> Any:
    """All definitions, schedules and notifiers in force, without ids, times and the numbers of revisions."""
    acme = Reconciler(engine)
    return acme.in_force(), acme.query("SELECT name, url FROM jobrunner.notifiers ORDER BY name")


def definitions_in_force(acme: Reconciler) -> dict[str, JobSpec]:
    return {row["address"]: load_job(row["spec"]) for row in acme.in_force()}


def schedules_in_force(acme: Reconciler) -> dict[tuple[str, str], ScheduleSpec]:
    return {
        (row["address"], row["name"]): ScheduleSpec.model_validate(row["schedule"])
        for row in acme.in_force()
        if row["name"] is not None
    }


def next_times_in_force(acme: Reconciler) -> dict[tuple[str, str], datetime | None]:
    return {
        (row["address"], row["name"]): row["next_scheduled_for"]
        for row in acme.in_force()
        if row["name"] is not None
    }


def next_times_of(jobs: list[JobSpec]) -> dict[tuple[str, str], datetime | None]:
    """From the moment of the applies on; None for what is off."""
    return {
        (job.address, one.name): next_time(one.timing(job.address), NOW)
        if job.enabled and one.enabled
        else None
        for job in jobs
        for one in job.schedules
    }


@given(projects(), LAYERS)
def test_defaults_of_the_environment_are_as_good_as_the_same_in_each_file(
    files: Files, layer: Tree
) -> None:
    assert specs(with_defaults(files, environment=layer, file={})) == specs(
        with_defaults(files, environment={}, file=layer)
    )


@given(projects(), RANDOM)
def test_order_quotes_comments_line_ends_and_names_of_files_change_no_definition(
    files: Files, random: Random
) -> None:
    assert specs(files, random) == specs(files)


@given(files=projects(), with_defaults=st.booleans())
def test_every_layer_written_out_and_every_default_made_explicit_change_no_definition(
    files: Files,
    *,
    with_defaults: bool,
) -> None:
    jobs = parse_files(files).jobs
    text = as_yaml(rendered(jobs, with_defaults=with_defaults))
    parsed = parse_project(None, [SourceFile("all.yaml", text.encode())])
    assert parsed.diagnostics == ()
    assert [job.spec for job in parsed.jobs] == [job.spec for job in jobs]


@on_a_database
@given(projects(), RANDOM)
def test_a_plan_after_an_apply_is_empty_however_the_files_are_written(
    acme: Reconciler, files: Files, random: Random
) -> None:
    apply(acme, files)
    applied = all_rows(acme.engine)

    assert plan(acme, files).is_empty
    assert plan(acme, files, random).is_empty
    assert apply(acme, files).revision is None
    assert all_rows(acme.engine) == applied


@on_a_database
@given(projects(), projects())
def test_what_was_applied_in_between_leaves_no_trace(
    acme: Reconciler, first: Files, second: Files
) -> None:
    apply(acme, first)
    before = what_is_stored(acme.engine)

    apply(acme, second)
    apply(acme, first)

    assert what_is_stored(acme.engine) == before


@settings(on_a_database, max_examples=40)
@given(st.data())
def test_what_is_in_force_is_what_the_files_say_after_any_edit(
    acme: Reconciler, data: st.DataObject
) -> None:
    files = data.draw(projects())
    apply(acme, files)
    for _ in range(3):
        files = data.draw(edits(files))
        apply(acme, files)

        assert definitions_in_force(acme) == {spec.address: spec for spec in specs(files)}
        assert schedules_in_force(acme) == {
            (spec.address, one.name): one for spec in specs(files) for one in spec.schedules
        }
        assert next_times_in_force(acme) == next_times_of(specs(files))


@on_a_database
@given(projects("other"), projects(), projects())
def test_no_apply_touches_a_row_of_another_project(
    engine: Engine, theirs: Files, first: Files, second: Files
) -> None:
    apply(Reconciler(engine, "other"), theirs)
    before = rows_of_project(engine, "other")

    apply(Reconciler(engine), first)
    apply(Reconciler(engine), second)

    assert rows_of_project(engine, "other") == before
