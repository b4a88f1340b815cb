"""How long a message waits for its next try."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobrunner.alerts.tries import GIVEN_UP_AFTER, LONGEST_DELAY, next_try_in

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
