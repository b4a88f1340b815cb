"""Which scheduled times become runs, as plain values."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobrunner.slots import MISSED_WALK_MAX, Owed, Pause, Slots, decide_slots
from jobrunner.spec.models import CatchUp, ScheduleSpec

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def owed(
    since: datetime,
    *,
    every: timedelta = HOUR,
    catch_up: CatchUp | None = None,
    pauses: tuple[Pause, ...] = (),
) -> Owed:
    return Owed(
        schedule_key="a schedule",
        timing=ScheduleSpec(every=every).timing(),
        next_scheduled_for=since,
        misfire_grace=timedelta(seconds=60),
        catch_up=catch_up or CatchUp(),
        pauses=pauses,
    )


def times(slots: Slots) -> list[datetime]:
    return [slot.scheduled_for for slot in slots.runs]


def test_a_slot_that_is_due_runs_and_the_next_one_is_owed() -> None:
    slots = decide_slots(owed(NOON), NOON)
    assert times(slots) == [NOON]
    assert slots.missed is None
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
    assert (slots.missed.count if slots.missed else 0) == missed
    assert slots.next_scheduled_for == NOON + 3 * HOUR


def test_latest_runs_no_old_slot_beside_a_fresh_one() -> None:
    slots = decide_slots(owed(NOON), NOON + 3 * HOUR)
    assert times(slots) == [NOON + 3 * HOUR]
    assert slots.missed is not None
    assert (slots.missed.first, slots.missed.last, slots.missed.count) == (NOON, NOON + 2 * HOUR, 3)


def test_while_a_pause_is_in_force_nothing_runs_and_nothing_is_owed() -> None:
    slots = decide_slots(owed(NOON, pauses=(Pause(NOON - HOUR),)), NOON)
    assert slots.runs == ()
    assert slots.missed is None
    assert slots.next_scheduled_for == NOON + HOUR


def test_what_was_owed_before_a_pause_began_is_missed_and_not_run() -> None:
    slots = decide_slots(owed(NOON, pauses=(Pause(NOON + timedelta(minutes=30)),)), NOON + HOUR)
    assert slots.runs == ()
    assert slots.missed is not None
    assert (slots.missed.first, slots.missed.count, slots.missed.reason) == (NOON, 1, "paused")


def test_times_inside_a_pause_that_is_over_are_not_owed() -> None:
    over = Pause(NOON - HOUR, NOON + timedelta(minutes=90))
    slots = decide_slots(owed(NOON, pauses=(over,)), NOON + 2 * HOUR)
    assert times(slots) == [NOON + 2 * HOUR]
    assert slots.missed is None


def test_a_gap_of_years_is_counted_in_bounded_time() -> None:
    every_second = owed(NOON, every=timedelta(seconds=1), catch_up=CatchUp(policy="skip"))
    gap = timedelta(days=3650)
    slots = decide_slots(every_second, NOON + gap)
    assert slots.missed is not None
    assert slots.missed.count > MISSED_WALK_MAX
    owed_in_all = gap / timedelta(seconds=1) + 1 - len(slots.runs)
    assert slots.missed.count == pytest.approx(owed_in_all, rel=0.001)
    assert "estimate" in slots.missed.reason
    assert slots.next_scheduled_for is not None
    assert slots.next_scheduled_for > NOON + gap


@given(
    seconds=st.integers(1, 4000),
    late=st.integers(0, 20_000),
    policy=st.sampled_from(["skip", "latest", "all"]),
)
def test_every_slot_is_run_or_missed_exactly_once(seconds: int, late: int, policy: str) -> None:
    every = timedelta(seconds=seconds)
    start = datetime.fromtimestamp(NOON.timestamp() // seconds * seconds + seconds, UTC)
    now = start + timedelta(seconds=late)
    slots = decide_slots(
        owed(start, every=every, catch_up=CatchUp.model_validate({"policy": policy})), now
    )
    passed = late // seconds + 1
    assert len(slots.runs) + (slots.missed.count if slots.missed else 0) == passed
    assert slots.next_scheduled_for == start + passed * every
    assert times(slots) == sorted(set(times(slots)))
