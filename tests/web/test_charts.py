"""Charts: where a value stands, and what it is called."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.web.charts.durations import AppliedAt, TimedRun, duration_chart
from jobrunner.web.charts.svg import element
from jobrunner.web.charts.ticks import round_ticks, tick_text
from jobrunner.web.charts.timeline import TimedAttempt, timeline
from jobrunner.wording.states import STATES

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
_SVG = "{http://www.w3.org/2000/svg}"
_DURATIONS = st.timedeltas(timedelta(milliseconds=1), timedelta(days=400))


def _run(hours: int, minutes: float, state: str = "succeeded") -> TimedRun:
    return TimedRun(
        NOON + timedelta(hours=hours), state, timedelta(minutes=minutes), f"/runs/{hours}"
    )


def _parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314  our own


@given(longest=_DURATIONS)
def test_the_last_tick_is_the_first_that_is_not_below_the_longest(longest: timedelta) -> None:
    ticks = round_ticks(longest)
    assert 1 <= len(ticks) <= 4
    assert ticks[-1] >= longest > ticks[-1] - ticks[0]


@given(longest=_DURATIONS)
def test_ticks_are_told_apart_by_their_words(longest: timedelta) -> None:
    ticks = round_ticks(longest)
    assert len({tick_text(tick) for tick in ticks}) == len(ticks)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(milliseconds=5), "5 ms"),
        (timedelta(seconds=2), "2 s"),
        (timedelta(minutes=15), "15m"),
        (timedelta(minutes=90), "1h 30m"),
        (timedelta(days=2), "2d"),
    ],
)
def test_a_round_duration_is_told_shortly(duration: timedelta, words: str) -> None:
    assert tick_text(duration) == words


def test_of_fewer_than_two_runs_nothing_is_drawn() -> None:
    assert duration_chart([_run(0, 1)], [], zone=UTC, now=NOON) == ""


def test_each_run_leads_to_its_page_and_says_when_it_was_and_how_it_ended() -> None:
    drawn = duration_chart([_run(0, 1), _run(1, 2, "failed")], [], zone=UTC, now=NOON)
    links = _parsed(drawn).findall(f"{_SVG}a")
    assert [link.attrib["href"] for link in links] == ["/runs/0", "/runs/1"]
    assert [link.findtext(f"{_SVG}title") for link in links] == [
        "Sat 21 Nov 12:00 UTC: succeeded after 1m 00s",
        "Sat 21 Nov 13:00 UTC: failed after 2m 00s",
    ]


def test_a_longer_run_stands_higher() -> None:
    drawn = duration_chart([_run(0, 1), _run(1, 2), _run(2, 4)], [], zone=UTC, now=NOON)
    dots = _parsed(drawn).iter(f"{_SVG}circle")
    assert [float(dot.attrib["cy"]) for dot in dots] == [138.0, 100.0, 24.0]


@pytest.mark.parametrize(("state", "shape"), [("succeeded", "circle"), ("failed", "path")])
def test_an_outcome_has_its_shape_and_its_colour(state: str, shape: str) -> None:
    drawn = duration_chart([_run(0, 1, state), _run(1, 1, state)], [], zone=UTC, now=NOON)
    marks = list(_parsed(drawn).iter(f"{_SVG}{shape}"))
    assert [mark.attrib["class"].split()[-1] for mark in marks] == [STATES[state][1]] * 2


def test_an_apply_is_marked_between_the_runs_before_and_after_it() -> None:
    applied = [AppliedAt(7, NOON + timedelta(minutes=30), "ada", "/changes/p/revisions/7")]
    drawn = _parsed(
        duration_chart([_run(0, 1), _run(1, 1), _run(2, 1)], applied, zone=UTC, now=NOON)
    )
    marked = next(line for line in drawn.iter(f"{_SVG}line") if line.attrib["class"] == "applied")
    first, second, _ = (float(dot.attrib["cx"]) for dot in drawn.iter(f"{_SVG}circle"))
    assert first < float(marked.attrib["x1"]) < second
    assert "revision 7, Sat 21 Nov 12:30 UTC, by ada" in list(drawn.itertext())


def test_an_apply_before_the_first_run_is_not_marked() -> None:
    applied = [AppliedAt(7, NOON - timedelta(hours=1), "ada", "/changes/p/revisions/7")]
    drawn = duration_chart([_run(0, 1), _run(1, 1)], applied, zone=UTC, now=NOON)
    assert "revision 7" not in drawn


def test_fault_79_what_a_person_has_written_is_text_in_a_drawing() -> None:
    drawn = element("a", "<script>alert(1)</script>", href='"><script>')
    assert str(drawn) == (
        '<a href="&#34;&gt;&lt;script&gt;">&lt;script&gt;alert(1)&lt;/script&gt;</a>'
    )


def test_a_timeline_shows_the_wait_and_each_attempt() -> None:
    attempts = [
        TimedAttempt(1, "failed", NOON + timedelta(seconds=5), NOON + timedelta(seconds=15)),
        TimedAttempt(2, "succeeded", NOON + timedelta(seconds=25), NOON + timedelta(seconds=55)),
    ]
    drawn = timeline(waited_from=NOON, attempts=attempts, now=NOON, zone=UTC)
    titles = [one.text for one in _parsed(drawn).iter(f"{_SVG}title")]
    assert titles == [
        "waited: waited, 5.0 s",
        "attempt 1: failed, 10.0 s",
        "attempt 2: succeeded, 30.0 s",
    ]


def test_an_attempt_that_goes_on_reaches_to_now() -> None:
    attempts = [TimedAttempt(1, "running", NOON, None)]
    drawn = timeline(waited_from=NOON, attempts=attempts, now=NOON + timedelta(minutes=1), zone=UTC)
    assert "1m 00s so far" in drawn


def test_a_run_that_was_never_started_has_no_timeline() -> None:
    assert timeline(waited_from=NOON, attempts=[], now=NOON, zone=UTC) == ""
