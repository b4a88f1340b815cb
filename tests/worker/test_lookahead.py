"""What the parent takes ahead, by a clock and a pool of plain values."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from jobrunner.worker.lookahead import (
    HELD_AT_MOST_SECONDS,
    QUICK_RUNS,
    QUICK_SECONDS,
    Lookahead,
)


@dataclass
class Parent:
    """Two children, a clock, and a list of all that happened to a message."""

    children: int = 2
    may_change: bool = True
    ahead: int = 0
    now: float = 0.0
    out: list[Any] = field(default_factory=list)
    back: list[Any] = field(default_factory=list)
    timers: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lookahead = Lookahead(lambda: self.now)
        self.lookahead.connect(self)

    def hand_out(self, message: Any) -> None:
        self.out.append(message)
        self.lookahead.begun(message)

    def give_back(self, message: Any) -> None:
        self.back.append(message)

    def take_ahead(self, number: int) -> bool:
        if self.may_change:
            self.ahead = number
        return self.may_change

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self.timers.append((self.now + seconds, call))

    def run(self, message: Any, seconds: float) -> None:
        self.lookahead.take(message)
        self.now += seconds
        self.lookahead.ended(message)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        due = [call for at, call in self.timers if at <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for call in due:
            call()


@pytest.fixture
def parent() -> Parent:
    return Parent()


@pytest.fixture
def quick(parent: Parent) -> Parent:
    """One that has just executed a row of short runs."""
    for number in range(QUICK_RUNS):
        parent.run(number, QUICK_SECONDS / 2)
    parent.out.clear()
    return parent


def test_nothing_is_taken_ahead_before_a_row_of_short_runs(parent: Parent) -> None:
    for number in range(QUICK_RUNS - 1):
        parent.run(number, QUICK_SECONDS / 2)
    assert parent.ahead == 0


def test_after_a_row_of_short_runs_one_message_is_taken_ahead(quick: Parent) -> None:
    assert quick.ahead == 1


def test_a_long_run_ends_the_row(quick: Parent) -> None:
    quick.run("long", QUICK_SECONDS * 2)
    assert quick.ahead == 0


def test_the_row_begins_anew_after_a_long_run(quick: Parent) -> None:
    quick.run("long", QUICK_SECONDS * 2)
    for number in range(QUICK_RUNS - 1):
        quick.run(number, QUICK_SECONDS / 2)
    assert quick.ahead == 0


def test_a_message_is_handed_out_at_once_while_a_child_is_free(quick: Parent) -> None:
    quick.lookahead.take("a")
    quick.lookahead.take("b")
    assert quick.out == ["a", "b"]


def test_a_message_is_held_while_no_child_is_free(quick: Parent) -> None:
    for message in "abc":
        quick.lookahead.take(message)
    assert quick.out == ["a", "b"]


def test_the_held_message_goes_to_the_child_that_becomes_free(quick: Parent) -> None:
    for message in "abc":
        quick.lookahead.take(message)
    quick.lookahead.ended("a")
    assert quick.out == ["a", "b", "c"]


def test_a_message_that_no_child_becomes_free_for_goes_back(quick: Parent) -> None:
    for message in "abc":
        quick.lookahead.take(message)
    quick.pass_time(HELD_AT_MOST_SECONDS)
    assert (quick.back, quick.ahead) == (["c"], 0)


def test_each_held_message_has_its_own_time(quick: Parent) -> None:
    for message in "abc":
        quick.lookahead.take(message)
    quick.pass_time(HELD_AT_MOST_SECONDS / 5)
    quick.lookahead.ended("a")
    quick.lookahead.take("d")
    quick.pass_time(HELD_AT_MOST_SECONDS * 4 / 5)
    assert quick.back == []
    quick.pass_time(HELD_AT_MOST_SECONDS / 5)
    assert quick.back == ["d"]


def test_a_second_word_for_the_same_run_frees_no_child(quick: Parent) -> None:
    for message in "abc":
        quick.lookahead.take(message)
    quick.lookahead.ended("a")
    quick.lookahead.take("d")
    quick.lookahead.ended("a")
    assert quick.out == ["a", "b", "c"]


def test_what_is_held_goes_back_when_the_worker_ends(quick: Parent) -> None:
    for message in "abc":
        quick.lookahead.take(message)
    quick.lookahead.close()
    quick.lookahead.ended("a")
    assert (quick.out, quick.back) == (["a", "b"], ["c"])


def test_a_new_connection_begins_with_nothing_ahead(quick: Parent) -> None:
    for message in "abc":
        quick.lookahead.take(message)
    quick.ahead = 0  # as a new channel has it
    quick.lookahead.connect(quick)
    quick.lookahead.ended("a")
    quick.lookahead.ended("b")
    assert (quick.out, quick.back, quick.ahead) == (["a", "b"], [], 0)


def test_nothing_is_held_while_the_broker_allows_no_message_more() -> None:
    parent = Parent(may_change=False)
    for number in range(QUICK_RUNS):
        parent.run(number, QUICK_SECONDS / 2)
    for message in "abc":
        parent.lookahead.take(message)
    assert parent.out[-3:] == ["a", "b", "c"]
