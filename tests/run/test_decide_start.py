"""What a new run meets: overlap, as a table."""

import pytest

from jobrunner.run import Active, Start, after_start, decide_start

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
        ("allow", RUNNING_AND_HELD, Start.SEND),
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
