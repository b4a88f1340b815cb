"""Which scheduled times become runs, as plain values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.schedule import next_time
from jobrunner.slots import (
    CATCH_UP_MAX,
    MISSED_WALK_MAX,
    Missed,
    Owed,
    Pause,
    Slots,
    _decide,
    _only_one,
    decide_slots,
)
from jobrunner.spec.models import CatchUp, ScheduleSpec

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def owed(
    since: datetime,
    *,
    every: timedelta = HOUR,
    catch_up: CatchUp | None = None,
    pauses: tuple[Pause, ...] = (),
    runs_left: int | None = None,
    catch_up_held: str = "",
) -> Owed:
    return Owed(
        schedule_key="ops/job#s",
        timing=ScheduleSpec(every=every).timing(),
        next_scheduled_for=since,
        misfire_grace=timedelta(seconds=60),
        catch_up=catch_up or CatchUp(),
        pauses=pauses,
        runs_left=runs_left,
        catch_up_held=catch_up_held,
    )


def times(slots: Slots) -> list[datetime]:
    return [slot.scheduled_for for slot in slots.runs]


def missed_in_all(slots: Slots) -> int:
    return sum(missed.count for missed in slots.missed)


def test_a_slot_that_is_due_runs_and_the_next_one_is_owed() -> None:
    slots = decide_slots(owed(NOON), NOON)
    assert times(slots) == [NOON]
    assert slots.missed == ()
    assert slots.next_scheduled_for == slots.next_run_at == NOON + HOUR


def test_a_slot_within_the_grace_is_late_and_not_caught_up() -> None:
    slots = decide_slots(owed(NOON), NOON + timedelta(seconds=59))
    assert [slot.caught_up for slot in slots.runs] == [False]


def test_each_slot_within_the_grace_has_a_run_of_its_own() -> None:
    every_second = owed(NOON, every=timedelta(seconds=1))
    assert len(decide_slots(every_second, NOON + timedelta(seconds=30)).runs) == 31


@pytest.mark.parametrize(
    ("policy", "run", "missed"),
    [
        (CatchUp(policy="skip"), [], 3),
        (CatchUp(policy="latest"), [NOON + 2 * HOUR], 2),
        (CatchUp(policy="all"), [NOON, NOON + HOUR, NOON + 2 * HOUR], 0),
        (CatchUp(policy="all", max=2), [NOON + HOUR, NOON + 2 * HOUR], 1),
        (CatchUp(policy="all", window=timedelta(hours=1)), [NOON + 2 * HOUR], 2),
        (CatchUp(policy="latest", window=timedelta(minutes=5)), [], 3),
    ],
)
def test_three_hours_without_a_scheduler_are_caught_up_by_policy(
    policy: CatchUp, run: list[datetime], missed: int
) -> None:
    slots = decide_slots(owed(NOON, catch_up=policy), NOON + timedelta(hours=2, minutes=30))
    assert times(slots) == run
    assert all(slot.caught_up for slot in slots.runs)
    assert missed_in_all(slots) == missed
    assert slots.next_scheduled_for == NOON + 3 * HOUR


def test_latest_runs_no_old_slot_beside_a_fresh_one() -> None:
    slots = decide_slots(owed(NOON), NOON + 3 * HOUR)
    assert times(slots) == [NOON + 3 * HOUR]
    [missed] = slots.missed
    assert (missed.first, missed.last, missed.count) == (NOON, NOON + 2 * HOUR, 3)


def test_while_a_pause_is_in_force_nothing_runs_and_each_time_is_missed() -> None:
    pause = Pause(NOON - HOUR, paused_by="ada", reason="disk swap")
    slots = decide_slots(owed(NOON, pauses=(pause,)), NOON)
    assert slots.runs == ()
    [missed] = slots.missed
    assert (missed.first, missed.count, missed.pause) == (NOON, 1, pause)
    assert missed.reason == "paused by ada: disk swap"
    assert slots.next_scheduled_for == NOON + HOUR


def test_what_was_owed_before_a_pause_began_is_missed_and_not_run() -> None:
    slots = decide_slots(owed(NOON, pauses=(Pause(NOON + timedelta(minutes=30)),)), NOON + HOUR)
    assert slots.runs == ()
    [missed] = slots.missed
    assert (missed.first, missed.last, missed.count, missed.reason) == (
        NOON, NOON + HOUR, 2, "paused",
    )  # fmt: skip


def test_times_inside_a_pause_that_is_over_are_missed_and_the_next_runs() -> None:
    over = Pause(NOON - HOUR, NOON + timedelta(minutes=90))
    slots = decide_slots(owed(NOON, pauses=(over,)), NOON + 2 * HOUR)
    assert times(slots) == [NOON + 2 * HOUR]
    [missed] = slots.missed
    assert (missed.first, missed.last, missed.pause) == (NOON, NOON + HOUR, over)


def test_a_resume_fires_nothing_that_the_pause_has_covered() -> None:
    over = Pause(NOON - HOUR, NOON + timedelta(minutes=90))
    slots = decide_slots(
        owed(NOON, pauses=(over,), catch_up=CatchUp(policy="all")), NOON + timedelta(minutes=100)
    )
    assert slots.runs == ()
    assert missed_in_all(slots) == 2


def test_times_with_different_causes_are_rows_of_their_own() -> None:
    pause = Pause(NOON + timedelta(minutes=90), NOON + timedelta(minutes=210))
    slots = decide_slots(
        owed(NOON, pauses=(pause,), catch_up=CatchUp(policy="skip")), NOON + 5 * HOUR + HOUR / 2
    )
    assert [(missed.first, missed.last, missed.count) for missed in slots.missed] == [
        (NOON, NOON + HOUR, 2),
        (NOON + 2 * HOUR, NOON + 3 * HOUR, 2),
        (NOON + 4 * HOUR, NOON + 5 * HOUR, 2),
    ]


def test_after_the_last_of_max_runs_nothing_is_owed() -> None:
    slots = decide_slots(
        owed(NOON, catch_up=CatchUp(policy="all"), runs_left=2), NOON + 5 * HOUR + HOUR / 2
    )
    assert times(slots) == [NOON, NOON + HOUR]
    assert (slots.missed, slots.next_scheduled_for, slots.next_run_at) == ((), None, None)


@pytest.mark.parametrize("left", [0, -3])
def test_without_a_run_left_a_schedule_ends(left: int) -> None:
    assert decide_slots(owed(NOON, runs_left=left), NOON) == Slots((), (), None, None)


def test_what_is_missed_takes_none_of_max_runs() -> None:
    slots = decide_slots(owed(NOON, runs_left=2), NOON + 2 * HOUR + HOUR / 2)
    assert times(slots) == [NOON + 2 * HOUR]
    assert missed_in_all(slots) == 2
    assert slots.next_scheduled_for == NOON + 3 * HOUR


def test_fault_10_more_than_a_thousand_overdue_times_wait_for_somebody() -> None:
    now = NOON + 1500 * HOUR
    slots = decide_slots(owed(NOON, catch_up=CatchUp(policy="all")), now)
    assert times(slots) == [now]
    [missed] = slots.missed
    assert (missed.first, missed.count, missed.is_held_back) == (NOON, 1500, True)
    assert missed.reason == (
        "1,500 times are overdue, more than 1,000: `jobrunner resume ops/job --catch-up` runs them"
    )
    assert slots.next_scheduled_for == now + HOUR


def test_a_thousand_overdue_times_run() -> None:
    slots = decide_slots(owed(NOON, catch_up=CatchUp(policy="all")), NOON + 999 * HOUR + HOUR / 2)
    assert len(slots.runs) == CATCH_UP_MAX
    assert slots.missed == ()


@pytest.mark.parametrize(
    ("bound", "run"), [({"max": 24}, 24), ({"window": timedelta(hours=6)}, 6), ({"max": 1500}, 0)]
)
def test_the_guard_counts_what_window_and_max_leave(bound: dict[str, Any], run: int) -> None:
    catch_up = CatchUp(policy="all", **bound)
    slots = decide_slots(owed(NOON, catch_up=catch_up), NOON + 3000 * HOUR - HOUR / 2)
    assert len(slots.runs) == run
    assert missed_in_all(slots) == 3000 - run
    assert any(missed.is_held_back for missed in slots.missed) is (run == 0)


def test_a_window_of_thousands_of_times_is_held_back_after_a_gap_of_years_too() -> None:
    catch_up = CatchUp(policy="all", window=timedelta(seconds=5000))
    every_second = owed(NOON, every=timedelta(seconds=1), catch_up=catch_up)
    slots = decide_slots(every_second, NOON + timedelta(days=3650))
    assert [missed.is_held_back for missed in slots.missed] == [False, True]
    assert not any(slot.caught_up for slot in slots.runs)


def test_fault_28_what_a_jump_of_the_clock_makes_overdue_is_held_back() -> None:
    slots = decide_slots(
        owed(NOON, catch_up_held="the clock jumped 3 h ahead"), NOON + 2 * HOUR + HOUR / 2
    )
    assert slots.runs == ()
    forgotten, held = slots.missed
    assert (forgotten.count, forgotten.reason) == (2, "catch_up: latest")
    assert (held.first, held.count, held.is_held_back) == (NOON + 2 * HOUR, 1, True)
    assert held.reason == (
        "the clock jumped 3 h ahead: `jobrunner resume ops/job --catch-up` runs them"
    )


def test_a_gap_of_years_is_counted_in_bounded_time() -> None:
    every_second = owed(NOON, every=timedelta(seconds=1), catch_up=CatchUp(policy="skip"))
    gap = timedelta(days=3650)
    slots = decide_slots(every_second, NOON + gap)
    [missed] = slots.missed
    assert missed.count > MISSED_WALK_MAX
    owed_in_all = gap / timedelta(seconds=1) + 1 - len(slots.runs)
    assert missed.count == pytest.approx(owed_in_all, rel=0.001)
    assert "estimate" in missed.reason
    assert slots.next_scheduled_for is not None
    assert slots.next_scheduled_for > NOON + gap


_POLICIES = st.builds(
    CatchUp,
    policy=st.sampled_from(["skip", "latest", "all"]),
    window=st.none() | st.integers(1, 20_000).map(lambda seconds: timedelta(seconds=seconds)),
    max=st.none() | st.integers(1, 2_000),
)


@st.composite
def _pauses(draw: st.DrawFn) -> tuple[Pause, ...]:
    spans = draw(
        st.lists(
            st.tuples(st.integers(-500, 20_000), st.none() | st.integers(1, 9_000)), max_size=3
        )
    )
    return tuple(
        Pause(
            NOON + timedelta(seconds=start),
            None if lasts is None else NOON + timedelta(seconds=start + lasts),
        )
        for start, lasts in spans
    )


@given(
    seconds=st.integers(5, 4000),
    late=st.integers(0, 20_000),
    policy=_POLICIES,
    pauses=_pauses(),
    runs_left=st.none() | st.integers(1, 50),
    catch_up_held=st.sampled_from(["", "the clock jumped"]),
)
def test_every_time_is_run_or_missed_exactly_once_or_no_more_owed(
    seconds: int,
    late: int,
    policy: CatchUp,
    pauses: tuple[Pause, ...],
    runs_left: int | None,
    catch_up_held: str,
) -> None:
    every = timedelta(seconds=seconds)
    start = datetime.fromtimestamp(NOON.timestamp() // seconds * seconds + seconds, UTC)
    case = owed(
        start,
        every=every,
        catch_up=policy,
        pauses=pauses,
        runs_left=runs_left,
        catch_up_held=catch_up_held,
    )
    slots = decide_slots(case, start + timedelta(seconds=late))
    told = [*times(slots), *(t for missed in slots.missed for t in _times_of(missed, every))]
    passed = [start + number * every for number in range(late // seconds + 1)]
    has_ended = runs_left == len(slots.runs)
    assert sorted(told) == (passed[: len(told)] if has_ended else passed)
    assert slots.next_scheduled_for == (None if has_ended else passed[-1] + every)
    assert not has_ended or max(told) == times(slots)[-1]


def _times_of(missed: Missed, every: timedelta) -> list[datetime]:
    """Without a gap: what has another cause is a row of its own."""
    assert missed.last == missed.first + (missed.count - 1) * every
    return [missed.first + number * every for number in range(missed.count)]


@given(late=st.integers(0, 20_000), pauses=_pauses())
def test_no_time_that_a_pause_covers_ever_runs(late: int, pauses: tuple[Pause, ...]) -> None:
    case = owed(NOON, every=timedelta(seconds=60), catch_up=CatchUp(policy="all"), pauses=pauses)
    slots = decide_slots(case, NOON + timedelta(seconds=late))
    assert not [time for time in times(slots) if any(pause.covers(time) for pause in pauses)]


@given(
    every=st.integers(1, 7200).map(lambda n: timedelta(seconds=n)),
    late=st.integers(0, 8_000_000).map(lambda n: timedelta(milliseconds=n / 10)),
)
def test_the_short_way_for_one_time_leads_where_the_long_way_does(
    every: timedelta, late: timedelta
) -> None:
    given_slots = owed(NOON, every=every)
    short = _only_one(given_slots, NOON + late)
    assert short in {None, _decide(given_slots, NOON + late)}
    following = next_time(
        given_slots.timing, NOON
    )  # sooner than an interval: noon is not on its grid
    assert following is not None
    is_alone = NOON + late < following and late <= given_slots.misfire_grace
    assert (short is not None) is is_alone
