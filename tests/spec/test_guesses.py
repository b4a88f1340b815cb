"""Which name was meant."""

import time

import pytest

from jobrunner.spec.guesses import did_you_mean, listed

MANY = tuple(f"queue-{number}" for number in range(20_000))


@pytest.mark.parametrize(
    "written", ["que-ue-777", "queue-77x7", "queu-777", "queue-7777x", "Queue_777", "uqeue-777"]
)
def test_of_very_many_names_one_that_is_a_slip_away_is_found(written: str) -> None:
    assert did_you_mean(written, MANY).startswith("queue-777")


def test_of_very_many_names_none_is_guessed_from_afar() -> None:
    assert did_you_mean("qu777", MANY) == ""


def test_of_some_hundred_names_the_most_alike_is_found() -> None:
    names = tuple(f"step-{number}" for number in range(500))
    assert did_you_mean("defautl_qeueu", (*names, "default-queue")) == "default-queue"


def test_of_many_names_the_first_ten_are_listed() -> None:
    assert listed(MANY[:12]) == f"{', '.join(MANY[:10])} and 2 more"
    assert listed(["a", "b"]) == "a, b"


def test_many_mistakes_among_very_many_names_take_no_time_to_speak_of() -> None:
    started = time.process_time()
    for number in range(200):
        assert did_you_mean(f"queu-{number}", MANY) == f"queue-{number}"
    assert time.process_time() - started < 5
