"""A plan as a comment of a pull request."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.cli.plan_markdown import LONGEST, code, plan_markdown
from jobrunner.plan.changes import Plan
from jobrunner.plan.diff import make_plan
from jobrunner.spec.models import DefinedJob
from tests.plan.test_diff import NOW, in_force, job


def plan(before: list[DefinedJob], after: list[DefinedJob]) -> Plan:
    return make_plan(in_force(*before), after, now=NOW)


def test_nothing_to_do_is_a_headline_and_a_sentence() -> None:
    assert plan_markdown(plan([job()], [job()])) == (
        "### `acme`: no changes\n\nNo changes. 1 job matches the database at revision 41.\n"
    )


def test_a_comment_of_many_changes_is_cut_and_says_how_much_is_missing() -> None:
    new = [job(f"a/job-{number}", kwargs={"text": "x" * 40}) for number in range(2_000)]
    told = plan_markdown(plan([], new))
    assert len(told) <= LONGEST
    shown = told.count("| + |")
    assert f"**… and {2_000 - shown:,} more changes**" in told
    assert "changes more did not fit</summary>" in told


def test_deletions_stand_open_and_whole_however_long_the_rest_is() -> None:
    gone = [job(f"z/gone-{number}") for number in range(200)]
    new = [job(f"a/job-{number}", kwargs={"text": "x" * 40}) for number in range(2_000)]
    told = plan_markdown(plan(gone, new)).partition("<details>")[0]
    assert told.count("- **-** `z/gone-") == 200


def test_more_deletions_than_a_comment_holds_are_counted() -> None:
    gone = [job(f"z/gone-{number}") for number in range(5_000)]
    told = plan_markdown(plan(gone, []))
    assert len(told) <= LONGEST
    assert f"**… and {5_000 - told.count('- **-** `'):,} more deletions**" in told


@pytest.mark.parametrize(
    ("value", "span"),
    [
        ("plain", "`plain`"),
        ("a|b", "`a\\|b`"),
        ("a`b", "``a`b``"),
        ("`a``", "``` `a`` ```"),
        ("<b>@ada</b>", "`<b>@ada</b>`"),
        ("two\nlines", "`two lines`"),
    ],
)
def test_what_somebody_wrote_stands_in_a_code_span(value: str, span: str) -> None:
    assert code(value) == span


HOSTILE = st.text(alphabet="`|<>&~*_[]()!@#\\\n\r\t a\u202e\x1b", max_size=40)


@given(HOSTILE, HOSTILE)
def test_no_value_leaves_its_code(old: str, new: str) -> None:
    told = plan_markdown(plan([job(kwargs={"x": old})], [job(kwargs={"x": new}, owner=new)]))
    fences = [line for line in told.split("\n") if line.startswith("```")]
    assert len(fences) in {0, 2}
    outside = told.partition(fences[0])[0] + told.rpartition(fences[-1])[2] if fences else told
    assert outside.count("<") == outside.count("<details>") + outside.count("</details>") + (
        outside.count("<summary>") + outside.count("</summary>")
    )
    assert "\x1b" not in told


def test_a_key_of_an_argument_cannot_break_the_table() -> None:
    hostile = "a | b` <img> "
    told = plan_markdown(plan([job()], [job(kwargs={hostile: 1})]))
    [row] = [line for line in told.split("\n") if line.startswith("| ~ |")]
    assert row.replace("\\|", "").count("|") == 5
    assert "``kwargs" in row


def test_a_limited_plan_says_what_it_leaves_out() -> None:
    made = replace(plan([], [job()]), targets=("reports/*",), left_out=3)
    assert "Limited to reports/*; 3 other changes are left out." in plan_markdown(made)
