"""A copy of the process does a part of the work, and where it cannot nothing is missing."""

import errno
import multiprocessing
import os
import signal
import threading

import pytest

from jobrunner import beside
from jobrunner.beside import done_from_both_ends, shared, worked_out_beside
from tests.processors import pretend_two_processors


@pytest.fixture(autouse=True)
def two_processors_and_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_two_processors(monkeypatch)


def test_another_process_works_it_out() -> None:
    with worked_out_beside(os.getpid) as answer:
        assert answer.wait() not in {None, os.getpid()}


def test_work_that_breaks_off_gives_nothing_and_says_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with worked_out_beside(lambda: 1 // 0) as answer:
        assert answer.is_coming
        assert answer.wait() is None
    assert capfd.readouterr() == ("", "")


def test_no_process_is_left_of_work_that_nobody_waits_for() -> None:
    waiting, end = os.pipe()

    def tell_and_wait() -> None:
        os.write(end, str(os.getpid()).encode())
        signal.pause()

    with worked_out_beside(tell_and_wait):
        process_id = int(os.read(waiting, 20))
    with pytest.raises(ProcessLookupError):
        os.kill(process_id, 0)


def test_many_are_shared_and_stay_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "FEWEST_TO_SHARE", 3)
    own = os.getpid()
    both_at_work = multiprocessing.get_context("fork").Barrier(2, timeout=60)

    def square(item: int) -> tuple[int, bool]:
        """Neither goes on from its own end before the other one has begun at the other end."""
        if item in {0, 99}:
            both_at_work.wait()
        return item * item, os.getpid() == own

    found = shared(square, range(100))
    assert [value for value, _ in found] == [item * item for item in range(100)]
    are_own = [is_own for _, is_own in found]
    assert are_own == sorted(are_own, reverse=True)  # the first ones
    assert are_own[0]
    assert not are_own[-1]


def test_who_is_slow_does_less() -> None:
    own, (waiting, end) = os.getpid(), os.pipe()

    def work(part: int) -> int:
        """The copy waits in its second part until the first process has done all others."""
        if os.getpid() != own and part == 8:
            os.read(waiting, 1)
        return os.getpid()

    parts = range(10)
    with done_from_both_ends(work, parts) as both:
        done = [work(part) for part in parts if both.take()]
        os.write(end, b"x")
        rest = both.rest()
    assert rest is not None
    assert done == [own] * (10 - len(rest))
    assert own not in rest


def test_parts_of_a_copy_that_breaks_off_are_nobodys() -> None:
    with done_from_both_ends(lambda part: 1 // (9 - part), range(10)) as both:
        assert both.is_shared
        assert both.rest() is None


def test_few_are_not_shared() -> None:
    assert shared(lambda _: os.getpid(), range(4)) == [os.getpid()] * 4


def test_what_breaks_in_the_copy_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "FEWEST_TO_SHARE", 2)
    with pytest.raises(ZeroDivisionError):
        shared(lambda item: 1 // (3 - item), range(4))


def test_a_process_with_a_second_thread_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    with worked_out_beside(os.getpid) as answer:
        assert not answer.is_coming


def test_one_processor_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with worked_out_beside(os.getpid) as answer:
        assert not answer.is_coming


def test_who_ignores_the_end_of_children_works_alone() -> None:
    """As `trap '' CHLD` of a shell does to all that it starts: there would be nobody to wait for."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with worked_out_beside(os.getpid) as answer:
            assert not answer.is_coming
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_system_without_room_for_another_process_works_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    monkeypatch.setattr(beside, "FEWEST_TO_SHARE", 2)
    assert shared(lambda _: os.getpid(), range(4)) == [os.getpid()] * 4


def test_a_copy_makes_no_copy_of_its_own() -> None:
    def ask() -> bool:
        with worked_out_beside(os.getpid) as answer:
            return not answer.is_coming

    with worked_out_beside(ask) as answer:
        assert answer.wait() is True
