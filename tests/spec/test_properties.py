"""What holds for any input."""

import json
from datetime import timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from jobrunner.spec.durations import LONGEST, format_duration, parse_duration
from jobrunner.spec.models import JobSpec, dump_job, load_job
from jobrunner.spec.parse import parse_project
from jobrunner.spec.yaml import SourceFile
from tests.spec.reading import mistakes, parse, read_job

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
# JSON writes what is beyond the basic plane as two halves, which YAML does not join again.
TEXTS = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs", "Cc"]), max_size=12)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
PLAIN_VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SCHEDULES = [
    "@daily",
    {"every": "5m"},
    {"cron": "0 5 * * 1-5", "jitter": "2m"},
    {"at": ["2026-12-01", "2026-12-02T09:00+01:00"]},
    {"rrule": "FREQ=WEEKLY;INTERVAL=2", "dtstart": "2026-01-05T09:00", "EXDATE": "20260119T090000"},
    {"solar": {"event": "sunset", "latitude": 52, "longitude": 13.4}, "max_runs": 3},
    {"cron": "15 2 * * *", "dst": {"gap": "skip"}, "exclude": ["2026-12-25", "2026-12-26"]},
    {"cron": "@daily", "args": [1], "kwargs": {"x": None}, "queue": "high", "priority": 0},
]
DURATIONS = st.integers(1, 10**7).map(lambda seconds: f"{seconds}s")
JOBS = st.fixed_dictionaries(
    {"task": st.just("acme.tasks.run")},
    optional={
        "kwargs": st.dictionaries(TEXTS, PLAIN_VALUES, max_size=3),
        "args": st.lists(PLAIN_VALUES, max_size=3),
        "queue": NAMES,
        "priority": st.integers(0, 9),
        "timeout": DURATIONS,
        "expires": DURATIONS,
        "overlap": st.sampled_from(["allow", "skip", "queue", "replace"]),
        "retry": st.integers(0, 1000) | st.fixed_dictionaries({"delay": st.just("1s")}),
        "enabled": st.booleans(),
        "description": TEXTS,
        "tags": st.lists(TEXTS.filter(bool), max_size=3),
        "schedule": st.sampled_from(SCHEDULES),
    },
).filter(lambda job: "${" not in str(job) and "secret" not in str(job))
TREES = st.dictionaries(NAMES, JOBS, min_size=1, max_size=4)

# Pieces that meet in real mistakes, so that random texts reach beyond the first line.
PIECES = st.sampled_from(
    ["jobs:", "\n", "\n  ", "\n    ", "a:", " ", "task: m.f", "schedule: ", "{", "}", "[", "]", ", ",
     "'", '"', "*x", "&x ", "<<: ", "cron: */5 * * * *", "every: 5m", "at: 2026-03-29T02:30", "null",
     "010", "!!t ", "---\n", "# c", "\t", "\xa0", "|\n", "@daily", "defaults:", "retry: ", "kwargs: ",
     "timezone: X", "rrule: FREQ=DAILY", "dtstart: 20260105T090000", "exclude: ", "2026-12-25",
     "x", "dates: ", "calendars:", "solar: ", "event: sunset", "dst: ",
     "? ", "- ", ": ", "%YAML 1.1\n", "\ufeff", "\x00", "\r\n", "...", "5"]
)  # fmt: skip


@given(st.binary(max_size=300))
def test_any_bytes_give_diagnostics_and_never_a_traceback(content: bytes) -> None:
    parse_project(SourceFile("jobrunner.yaml", content), [SourceFile("a.yaml", content)])


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_gives_diagnostics_inside_of_itself(text: str) -> None:
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for found in parse(text, project=text).diagnostics:
        assert 1 <= found.location.line <= len(lines)
        assert 1 <= found.location.column <= len(lines[found.location.line - 1]) + 1
        assert found.message


@given(st.lists(PIECES, max_size=25).map("".join), st.integers(1, 30))
def test_blank_lines_above_move_a_mistake_by_as_many_lines_and_nothing_else(
    text: str, count: int
) -> None:
    # A mark in the middle of a text is another mistake than one at its start.
    moved = [
        (code, line + count, column)
        for code, line, column in mistakes("\n\n" + text.replace("\ufeff", ""))
    ]
    assert mistakes("\n" * (count + 2) + text.replace("\ufeff", "")) == moved


@given(TREES)
def test_json_is_yaml(jobs: dict[str, object]) -> None:
    assert parse(json.dumps({"jobs": jobs})).diagnostics == ()


@given(TREES, st.randoms(use_true_random=False))
def test_order_line_ends_comments_and_a_byte_order_mark_change_no_definition(
    jobs: dict[str, dict[str, object]], random: Random
) -> None:
    names = random.sample(sorted(jobs), len(jobs))
    shuffled = {"jobs": {name: dict(reversed(jobs[name].items())) for name in names}}
    text = "\ufeff# a comment\n" + json.dumps(shuffled, indent=2) + "  # the end\n"
    specs = [job.spec for job in parse(json.dumps({"jobs": jobs})).jobs]
    assert [job.spec for job in parse(text.replace("\n", "\r\n")).jobs] == specs
    assert len(specs) == len(jobs)


@given(JOBS)
def test_a_stored_definition_is_read_back_as_it_was(job: dict[str, object]) -> None:
    spec = read_job(json.dumps({"jobs": {"a": job}}))
    assert load_job(json.loads(json.dumps(dump_job(spec)))) == spec
    assert isinstance(spec, JobSpec)


@given(st.timedeltas(timedelta(0), LONGEST))
def test_a_duration_is_written_and_read_back_to_the_millisecond(duration: timedelta) -> None:
    whole = timedelta(milliseconds=duration // timedelta(milliseconds=1))
    assert parse_duration(format_duration(whole)) == whole
