"""What an apply refuses unless somebody says that it is meant."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from jobrunner.errors import GuardRefused
from jobrunner.plan.changes import Plan
from jobrunner.plan.current import CurrentJob, CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.plan.digest import spec_digest
from jobrunner.plan.guards import (
    NOTHING_AGREED,
    Agreed,
    AppliedCommit,
    Commit,
    apply_just_this,
    check_guards,
    check_not_older,
)
from jobrunner.spec.models import DefinedJob, JobSpec, Location
from jobrunner.spec.project import Guards

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NO_GUARDS = Guards()
PLACE = Location(file="jobs.d/a.yaml", line=1)


def plan(
    *,
    before: int,
    after: int,
    applied_environment: str = "",
    environment: str = "",
    protect: bool = False,
) -> Plan:
    specs = [
        JobSpec(namespace="a", name=f"job-{number:02}", task="c.d", protect=protect)
        for number in range(before)
    ]
    current = CurrentProject("acme", applied_environment, 7, tuple(map(_row, specs)), ())
    desired = [DefinedJob(spec=spec, location=PLACE) for spec in specs[:after]]
    return make_plan(current, desired, now=NOW, environment=environment)


def _row(spec: JobSpec) -> CurrentJob:
    return CurrentJob(
        id=UUID(int=1),
        address=spec.address,
        applied=spec,
        in_force=spec,
        digest=spec_digest(spec),
        problem="",
        location=PLACE,
        revision=7,
        schedules=(),
        active_runs=0,
    )


def refusal(
    made: Plan,
    *,
    guards: Guards = NO_GUARDS,
    missing_folders: tuple[str, ...] = (),
    agreed: Agreed = NOTHING_AGREED,
    act: str = "apply",
) -> GuardRefused:
    with pytest.raises(GuardRefused) as refused:
        check_guards(made, guards=guards, missing_folders=missing_folders, agreed=agreed, act=act)
    return refused.value


@pytest.mark.parametrize(("before", "after"), [(100, 90), (20, 10), (4, 2), (3, 2), (0, 0)])
def test_up_to_ten_deletions_or_half_of_the_jobs_are_allowed(before: int, after: int) -> None:
    check_guards(plan(before=before, after=after), guards=NO_GUARDS)


@pytest.mark.parametrize(("before", "after"), [(100, 89), (18, 8), (4, 1), (3, 1)])
def test_fault_55_more_deletions_are_refused(before: int, after: int) -> None:
    refused = refusal(plan(before=before, after=after))

    assert f"deletes {before - after} of {before} jobs" in refused.message
    assert refused.exit_code == 4


def test_the_refusal_names_the_flag_and_the_first_jobs() -> None:
    refused = refusal(plan(before=8, after=2))

    assert "--allow-deletes 6" in refused.hint
    assert "a/job-02, a/job-03, a/job-04, a/job-05, a/job-06 and 1 more" in refused.message


@pytest.mark.parametrize("act", ["apply", "apply FILE", "rollback 41"])
def test_the_refusal_names_the_command_that_takes_the_flag(act: str) -> None:
    hint = refusal(plan(before=8, after=2), act=act).hint
    assert hint == f"If that is what you want, add --allow-deletes 6 to `jobrunner {act}`."


def test_files_without_any_job_are_refused_while_jobs_are_in_force() -> None:
    assert (
        "No job at all would be left, and 1 job is in force"
        in refusal(plan(before=1, after=0)).message
    )


def test_no_job_of_a_folder_that_is_not_there_is_deleted() -> None:
    refused = refusal(plan(before=12, after=11), missing_folders=("jobs.d",))

    assert "The folder jobs.d is not there" in refused.message


def test_a_missing_folder_protects_no_job_of_another_folder() -> None:
    check_guards(plan(before=12, after=11), guards=NO_GUARDS, missing_folders=("jobs", "more.d"))


def test_as_many_deletions_as_somebody_agreed_to_are_allowed() -> None:
    check_guards(
        plan(before=12, after=0),
        guards=NO_GUARDS,
        missing_folders=("jobs.d",),
        agreed=Agreed(deletes=12),
    )


def test_more_than_somebody_agreed_to_are_refused() -> None:
    refused = refusal(plan(before=100, after=95), agreed=Agreed(deletes=4))

    assert "--allow-deletes says 4" in refused.message
    assert "--allow-deletes 5" in refused.hint


def test_an_apply_for_another_environment_is_refused() -> None:
    refused = refusal(plan(before=1, after=1, applied_environment="prod", environment="staging"))

    assert "environment prod" in refused.message
    assert "environment staging" in refused.message


def test_the_project_may_allow_other_numbers_of_deletions() -> None:
    check_guards(plan(before=100, after=80), guards=Guards(max_deletes=20))
    refused = refusal(plan(before=100, after=99), guards=Guards(max_deletes=0))

    assert "deletes 1 of 100 jobs, and 0 is the most" in refused.message


def test_a_protected_job_is_deleted_only_by_its_name() -> None:
    made = plan(before=4, after=3, protect=True)
    check_guards(made, guards=NO_GUARDS, agreed=Agreed(protected=("a/job-03",)))
    refused = refusal(made, agreed=Agreed(deletes=1, protected=("a/job-02",)))

    assert "a/job-03 is protected" in refused.message
    assert "--allow-protected a/job-03" in refused.hint


def test_a_plan_that_nobody_has_looked_at_is_refused_where_it_is_required() -> None:
    made = plan(before=4, after=3)
    check_guards(made, guards=Guards(require_plan=True), agreed=Agreed(is_looked_at=True))

    assert f"--expect {made.digest}" in refusal(made, guards=Guards(require_plan=True)).hint


def test_the_command_that_applies_a_plan_has_its_environment_and_its_targets() -> None:
    made = replace(plan(before=4, after=3), environment="prod", targets=("a/*",))

    assert apply_just_this(made) == f"jobrunner apply -e prod --target 'a/*' --expect {made.digest}"


def test_a_rollback_that_nobody_has_looked_at_is_named_as_a_rollback() -> None:
    made = plan(before=4, after=3)
    with pytest.raises(GuardRefused) as refused:
        check_guards(made, guards=Guards(require_plan=True), act="rollback 41")

    assert refused.value.hint.endswith(f"jobrunner rollback 41 --expect {made.digest}")


def test_nothing_to_do_needs_no_plan() -> None:
    check_guards(plan(before=4, after=4), guards=Guards(require_plan=True))


OLD, NEW = Commit("aaaaaaaaaa", NOW - timedelta(days=1)), Commit("bbbbbbbbbb", NOW)


def test_fault_64_a_commit_before_the_applied_one_is_refused_naming_both() -> None:
    with pytest.raises(GuardRefused) as refused:
        check_not_older(OLD, AppliedCommit(NEW, 41, "ada"), is_ancestor=True)

    assert "aaaaaaa of 19 Nov 2026 12:00 UTC" in refused.value.message
    assert "bbbbbbb of 20 Nov 2026 12:00 UTC" in refused.value.message
    assert "ada has applied as revision 41" in refused.value.message
    assert "--allow-older" in refused.value.hint


def test_fault_64_where_git_cannot_tell_the_committers_clocks_decide() -> None:
    check_not_older(NEW, AppliedCommit(OLD, 41, "ada"), is_ancestor=None)
    with pytest.raises(GuardRefused):
        check_not_older(OLD, AppliedCommit(NEW, 41, "ada"), is_ancestor=None)


def test_a_commit_of_another_branch_is_not_older_whatever_its_clock_says() -> None:
    check_not_older(OLD, AppliedCommit(NEW, 41, "ada"), is_ancestor=False)
