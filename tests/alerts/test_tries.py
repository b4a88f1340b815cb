"""How long a message waits for its next try, and a receiver for its next message."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobrunner.alerts.tries import (
    GIVEN_UP_AFTER,
    LONGEST_DELAY,
    LONGEST_REST,
    next_try_in,
    rest_after,
)
from jobrunner.notify.rests import Rests
from tests.waiting import wait_until

HOUR = timedelta(hours=1)


def test_it_is_tried_again_after_ten_seconds_and_then_after_twice_as_long_each_time() -> None:
    waited = [next_try_in(tries, timedelta()) for tries in (1, 2, 3)]
    assert waited == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=40)]


def test_it_is_tried_once_an_hour_at_least() -> None:
    assert next_try_in(30, HOUR) == LONGEST_DELAY


def test_it_is_given_up_after_a_day() -> None:
    assert next_try_in(30, 23 * HOUR + timedelta(minutes=1)) is None


@given(st.integers(1, 32_000), st.timedeltas(timedelta(), 3 * GIVEN_UP_AFTER))
def test_no_try_is_made_after_a_day(tries: int, age: timedelta) -> None:
    delay = next_try_in(tries, age)
    assert delay is None or age + delay <= GIVEN_UP_AFTER


def test_a_receiver_rests_for_a_second_and_then_twice_as_long_each_time() -> None:
    rests = [rest_after(failures) for failures in (1, 2, 3)]
    assert rests == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]


@given(st.integers(1, 32_000))
def test_a_receiver_is_looked_for_once_a_minute_at_least(failures: int) -> None:
    assert timedelta() < rest_after(failures) <= LONGEST_REST


def test_a_rest_is_over_after_its_time() -> None:
    rests = Rests()
    rests.note_failed((1, "oncall"))
    assert rests.receivers() == [(1, "oncall")]
    wait_until(lambda: rests.receivers() == [])


def test_a_rest_is_over_with_a_message_that_is_taken() -> None:
    rests = Rests()
    rests.note_failed((1, "oncall"))
    rests.note_failed((1, "boss"))
    rests.note_taken((1, "oncall"))
    assert rests.receivers() == [(1, "boss")]
