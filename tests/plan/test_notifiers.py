"""What a plan says of notifiers, on plain values."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from jobrunner.cli.plan_markdown import plan_markdown
from jobrunner.cli.plan_text import closing_line, plan_lines
from jobrunner.cli.style import unstyle
from jobrunner.errors import ConfigurationError
from jobrunner.plan.changes import Plan
from jobrunner.plan.diff import make_plan
from jobrunner.plan.guards import check_guards
from jobrunner.plan.notifier_diff import with_notifiers
from jobrunner.plan.notifiers import notifier_from_json
from jobrunner.plan.saved import SavedPlan, make_saved, read_saved, saved_as_text, stale_because
from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.spec.models import DefinedJob, Location
from jobrunner.spec.project import DefinedNotifier, Guards
from tests.plan.test_diff import NOW, in_force, job
from tests.plan.test_saved import ORIGIN

A, B = "https://one.example/opens-a-door", "https://two.example/opens-a-door"
REFERENCE = {"secret": "env:ONCALL_URL"}


def given(**urls: Any) -> Mapping[str, DefinedNotifier]:
    return {
        name: DefinedNotifier(url, Location("jobrunner.yaml", line))
        for line, (name, url) in enumerate(urls.items(), start=3)
    }


def plan(
    before: Mapping[str, Any],
    after: Mapping[str, DefinedNotifier],
    *jobs: DefinedJob,
    targets: Targets = EVERY_JOB,
) -> Plan:
    made = make_plan(in_force(notifiers=before), jobs, now=NOW, targets=targets)
    return with_notifiers(made, before, after, desired=jobs, targets=targets)


def kinds(made: Plan) -> list[tuple[str, str]]:
    return [(change.name, change.kind) for change in made.notifiers]


def test_each_that_is_new_gone_or_has_another_address_is_named() -> None:
    made = plan({"gone": A, "moved": A, "same": A}, given(moved=B, new=REFERENCE, same=A))
    assert kinds(made) == [("gone", "removed"), ("moved", "changed"), ("new", "added")]
    assert [change.location and change.location.line for change in made.notifiers] == [None, 3, 4]


def test_a_plan_with_them_alone_is_not_empty() -> None:
    assert plan({}, given(oncall=A)).is_empty is False
    assert plan({"oncall": A}, given(oncall=A)).is_empty is True


def test_another_line_of_the_file_is_no_change() -> None:
    assert plan({"a": A, "b": B}, given(b=B, a=A)).is_empty


def test_the_digest_of_a_plan_without_them_stays_as_it_is() -> None:
    made = make_plan(in_force(), [job()], now=NOW)
    assert with_notifiers(made, {"a": A}, given(a=A)).digest == made.digest


def test_the_digest_names_both_addresses() -> None:
    digests = {
        plan({}, {}).digest,
        plan({}, given(a=A)).digest,
        plan({}, given(b=A)).digest,
        plan({}, given(a=B)).digest,
        plan({"a": A}, given(a=B)).digest,
        plan({"a": REFERENCE}, given(a=B)).digest,
    }
    assert len(digests) == 6


def test_no_form_of_a_plan_holds_an_address() -> None:
    made = plan({"a": A, "b": B}, given(b=A, c=B))
    shown = [*plan_lines(made), plan_markdown(made), json.dumps(made.as_json()), repr(made)]
    assert "opens-a-door" not in "".join(shown)


def test_the_closing_line_counts_them() -> None:
    assert unstyle(closing_line(plan({}, given(a=A)))) == (
        "Plan: 0 to add, 0 to change, 0 to delete, 1 notifier change, 0 unchanged."
    )


def test_the_markdown_of_them_alone_tells_of_no_load() -> None:
    shown = plan_markdown(plan({}, given(a=REFERENCE)))
    assert "- **+** `a` `(secret env:ONCALL_URL)` `jobrunner.yaml` line 3" in shown
    assert "| load" not in shown
    assert "Base revision 41, digest" in shown


def test_a_project_that_wants_a_look_at_each_plan_wants_it_for_them() -> None:
    with pytest.raises(Exception, match="only by a plan that somebody has looked at"):
        check_guards(plan({}, given(a=A)), guards=Guards(require_plan=True))


def test_the_json_form_comes_back() -> None:
    made = plan({"a": A, "b": B}, given(b=A, c=B))
    told = json.loads(json.dumps([change.as_json() for change in made.notifiers]))
    back = tuple(notifier_from_json(one) for one in told)
    assert back == tuple(replace(change, url=None) for change in made.notifiers)


ALERTS = [{"when": ["failure"], "to": ["oncall"]}]


def test_of_a_plan_with_targets_they_are_left_out() -> None:
    made = plan({}, given(oncall=A), job("a/one"), job("b/two"), targets=Targets(("a/one",)))
    assert (made.notifiers, made.left_out) == ((), 2)


def test_those_that_a_target_needs_come_along() -> None:
    needs = job("a/one", alerts=ALERTS)
    made = plan({"pager": A}, given(oncall=A), needs, targets=Targets(("a/*",)))
    assert (kinds(made), made.left_out) == ([("oncall", "added")], 1)


def saved(before: Mapping[str, Any], after: Mapping[str, DefinedNotifier]) -> SavedPlan:
    return make_saved(plan(before, after), in_force(notifiers=before), (), ORIGIN)


def test_a_saved_plan_shows_what_was_shown() -> None:
    before, after = {"a": A, "b": B, "same": A}, given(b=A, c=REFERENCE, same=A)
    kept = read_saved(saved_as_text(saved(before, after)), "")
    assert kept.plan().notifiers == plan(before, after).notifiers


def test_a_saved_plan_keeps_only_the_addresses_that_it_writes() -> None:
    text = saved_as_text(saved({"a": A, "b": A, "same": A}, given(b=B, same=A)))
    assert A not in text
    assert text.count(B) == 1


def test_an_edited_address_in_a_saved_plan_is_noticed() -> None:
    text = saved_as_text(saved({}, given(a=A))).replace(A, B)
    with pytest.raises(ConfigurationError, match="p has been edited"):
        read_saved(text, "p")


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ({"a": A}, []),
        ({"a": A, "other": B}, []),
        ({"a": B}, ["The notifier a has another address by now."]),
        ({}, ["The notifier a has been removed."]),
    ],
)
def test_a_saved_plan_is_stale_when_a_notifier_of_it_has_changed(
    now: Mapping[str, Any], reason: list[str]
) -> None:
    kept = saved({"a": A}, given(a=REFERENCE))
    assert list(stale_because(kept, in_force(notifiers=now))) == reason


def test_a_saved_plan_is_stale_when_what_it_adds_is_there() -> None:
    kept = saved({}, given(a=A))
    assert list(stale_because(kept, in_force(notifiers={"a": B}))) == [
        "The notifier a has been added."
    ]
