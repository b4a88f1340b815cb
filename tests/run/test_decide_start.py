"""What a new run meets, and what sets a waiting one free: overlap and the limit, as tables."""

import pytest

from jobrunner.run import (
    Active,
    Start,
    after_start,
    count_free,
    decide_start,
    take_place,
    waits_alone,
)

IDLE = Active()
RUNNING = Active(running=1)
QUEUED = Active(queued=1)
RUNNING_AND_HELD = Active(running=1, held=1)


@pytest.mark.parametrize(
    ("overlap", "active", "start"),
    [
        ("allow", IDLE, Start.SEND),
        ("skip", IDLE, Start.SEND),
        ("queue", IDLE, Start.SEND),
        ("replace", IDLE, Start.SEND),
        ("allow", RUNNING, Start.SEND),
        ("allow", RUNNING_AND_HELD, Start.HOLD),
        ("skip", RUNNING, Start.SKIP),
        ("skip", QUEUED, Start.SKIP),
        ("queue", RUNNING, Start.HOLD),
        ("queue", QUEUED, Start.HOLD),
        ("queue", RUNNING_AND_HELD, Start.SKIP),
        ("replace", RUNNING, Start.REPLACE_AND_HOLD),
        ("replace", RUNNING_AND_HELD, Start.REPLACE_AND_HOLD),
        ("replace", QUEUED, Start.REPLACE),
    ],
)
def test_overlap_decides_by_what_is_active(overlap: str, active: Active, start: Start) -> None:
    assert decide_start(overlap, active) is start


@pytest.mark.parametrize("overlap", ["allow", "skip", "queue", "replace"])
def test_slots_that_are_caught_up_in_order_wait_for_each_other(overlap: str) -> None:
    assert decide_start(overlap, RUNNING_AND_HELD, in_order=True) is Start.HOLD


def test_two_slots_of_a_skip_job_in_one_tick_give_one_run() -> None:
    first = decide_start("skip", IDLE)
    second = decide_start("skip", after_start(IDLE, first))
    assert (first, second) == (Start.SEND, Start.SKIP)


def test_a_queue_job_keeps_at_most_one_run_waiting() -> None:
    active = RUNNING
    starts = []
    for _ in range(3):
        start = decide_start("queue", active)
        active = after_start(active, start)
        starts.append(start)
    assert starts == [Start.HOLD, Start.SKIP, Start.SKIP]
    assert active.held == 1


def test_replacing_leaves_only_the_newest_waiting() -> None:
    assert after_start(Active(running=1, queued=1, held=1), Start.REPLACE_AND_HOLD) == Active(
        running=1, held=1
    )


def test_of_several_late_slots_of_a_skip_job_the_newest_runs() -> None:
    assert decide_start("skip", IDLE, is_newest=False) is Start.GIVE_WAY
    assert decide_start("skip", after_start(IDLE, Start.GIVE_WAY), is_newest=True) is Start.SEND


@pytest.mark.parametrize("overlap", ["allow", "queue", "replace"])
def test_other_policies_take_late_slots_in_order(overlap: str) -> None:
    assert decide_start(overlap, IDLE, is_newest=False) is Start.SEND


FULL = Active(running=1, queued=1, limit=2)
FULL_OF_BACKFILLS = Active(backfill=2, limit=2)


@pytest.mark.parametrize(
    ("overlap", "active", "start"),
    [
        ("allow", Active(running=1, limit=2), Start.SEND),
        ("allow", FULL, Start.HOLD),
        ("skip", FULL, Start.SKIP),
        ("allow", FULL_OF_BACKFILLS, Start.HOLD),
        ("skip", FULL_OF_BACKFILLS, Start.HOLD),
        ("queue", FULL_OF_BACKFILLS, Start.HOLD),
        ("replace", FULL_OF_BACKFILLS, Start.HOLD),
        ("replace", Active(queued=1, limit=1), Start.REPLACE),
        ("replace", Active(queued=1, backfill=1, limit=1), Start.REPLACE_AND_HOLD),
    ],
)
def test_beyond_the_limit_a_run_waits(overlap: str, active: Active, start: Start) -> None:
    assert decide_start(overlap, active) is start


@pytest.mark.parametrize("overlap", ["allow", "skip", "queue", "replace"])
def test_runs_of_a_backfill_overlap_with_nothing(overlap: str) -> None:
    assert decide_start(overlap, Active(backfill=5)) is Start.SEND


def test_a_forced_run_overlaps_and_keeps_to_the_limit() -> None:
    assert take_place(RUNNING_AND_HELD) is Start.SEND
    assert take_place(FULL) is Start.HOLD


@pytest.mark.parametrize(
    ("overlap", "trigger", "alone"),
    [
        ("allow", "schedule", False),
        ("allow", "manual", False),
        ("allow", "catch_up", True),
        ("skip", "schedule", True),
        ("skip", "manual", False),
        ("skip", "catch_up", True),
        ("queue", "manual", True),
        ("replace", "schedule", True),
    ],
)
def test_a_run_waits_alone_by_its_overlap_or_in_order(
    overlap: str, trigger: str, *, alone: bool
) -> None:
    assert waits_alone(overlap, trigger) is alone


@pytest.mark.parametrize(
    ("overlap", "active", "triggers", "free"),
    [
        ("queue", IDLE, ["schedule"], 1),
        ("queue", RUNNING, ["schedule"], 0),
        ("allow", IDLE, ["catch_up", "catch_up"], 1),
        ("allow", IDLE, ["catch_up", "schedule", "schedule", "catch_up"], 3),
        ("allow", Active(running=1, limit=3), ["schedule"] * 4, 2),
        ("allow", FULL, ["schedule"], 0),
        ("allow", RUNNING, ["catch_up", "schedule"], 0),
        ("skip", RUNNING, ["manual", "schedule"], 1),
        ("queue", FULL_OF_BACKFILLS, ["schedule"], 0),
        ("queue", Active(backfill=1), ["schedule"], 1),
    ],
)
def test_held_runs_are_free_in_their_order(
    overlap: str, active: Active, triggers: list[str], free: int
) -> None:
    assert count_free(overlap, active, triggers) == free
