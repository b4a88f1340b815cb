"""The table of states, as far as it is a promise."""

import itertools

import pytest

from jobrunner.run import Event, RunState, transition


def possible(state: RunState) -> dict[Event, RunState]:
    found = {}
    for event in Event:
        try:
            found[event] = transition(state, event)
        except ValueError:
            continue
    return found


@pytest.mark.parametrize("state", [state for state in RunState if state.is_final])
def test_a_final_state_is_left_by_a_late_end_of_a_lost_attempt_alone(state: RunState) -> None:
    late = {Event.SUCCEED: RunState.SUCCEEDED, Event.FAIL: RunState.FAILED}
    assert possible(state) == (late if state is RunState.LOST else {})


def test_every_state_that_is_no_beginning_can_be_reached() -> None:
    reached = {to for state in RunState for to in possible(state).values()}
    assert set(RunState) - reached == {RunState.SKIPPED, RunState.MISSED}


def test_a_run_is_running_only_by_a_claim() -> None:
    ways = [
        event
        for state, event in itertools.product(RunState, Event)
        if possible(state).get(event) is RunState.RUNNING
    ]
    assert ways == [Event.CLAIM]


def test_what_cannot_happen_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="claim cannot happen to a run that is succeeded"):
        transition(RunState.SUCCEEDED, Event.CLAIM)
