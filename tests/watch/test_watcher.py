"""When files count as settled, and what becomes of them: on plain values and a clock of the test."""

from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy.exc import OperationalError

from jobrunner.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    GuardRefused,
    JobrunnerError,
)
from jobrunner.plan.current import CurrentProject
from jobrunner.plan.diff import make_plan
from jobrunner.reconcile import Applied
from jobrunner.spec.diagnostics import Diagnostic
from jobrunner.spec.models import Location
from jobrunner.watch.watcher import ConfigState, Look, Outcome, Watcher, WatchOptions
from tests.seeding import NOON

SETTLE, RESYNC = 0.5, 30.0
LOCK = "/acme/.git/index.lock"
MISTAKE = Diagnostic(
    "E201", "error", "unknown key", Location(file="jobs.d/ops.yaml", line=3, column=1), ""
)
NO_CHANGES = Applied(None, make_plan(CurrentProject("p", "", 0, (), ()), [], now=NOON))


@dataclass
class World:
    """The files, the database and the terminal of a watcher."""

    content: str = "a"
    git_lock: str = ""
    is_unfinished: bool = False
    reading_seconds: float = 0.001
    answer: Applied | Exception = field(default_factory=lambda: NO_CHANGES)
    """What an apply gives."""
    applied: list[str] = field(default_factory=list)
    reported: list[Outcome] = field(default_factory=list)

    def look(self) -> Look:
        return Look(self.content, self.reading_seconds, self.git_lock, self.is_unfinished)

    def reconcile(self) -> Applied:
        self.applied.append(self.content)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def watcher_of(world: World, *, poll: bool = False) -> Watcher:
    return Watcher(
        look=world.look,
        reconcile=world.reconcile,
        report=world.reported.append,
        options=WatchOptions(settle_seconds=SETTLE, resync_seconds=RESYNC, poll=poll),
    )


def states(world: World) -> list[ConfigState]:
    return [outcome.state for outcome in world.reported]


def test_what_is_there_at_the_start_is_applied_at_once() -> None:
    world = World()
    assert watcher_of(world).run_once(0.0) == RESYNC
    assert world.applied == ["a"]
    assert states(world) == [ConfigState.IN_FORCE]


def test_a_change_is_applied_when_it_has_stayed_the_same() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    world.content = "b"
    assert watcher.run_once(10.0) == SETTLE
    assert watcher.run_once(10.2) > 0.2
    assert world.applied == ["a"]
    watcher.run_once(10.0 + SETTLE)
    assert world.applied == ["a", "b"]


def test_content_that_goes_on_changing_is_waited_for() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    world.content = "b"
    watcher.run_once(10.0)
    world.content = "c"
    assert watcher.run_once(10.5) == SETTLE
    watcher.run_once(11.0)
    assert world.applied == ["a", "c"]


def test_a_checkout_under_way_is_waited_for() -> None:
    world = World(git_lock=LOCK)
    watcher = watcher_of(world)
    assert watcher.run_once(0.0) == SETTLE
    world.content = "b"
    watcher.run_once(10.0)
    watcher.run_once(20.0)
    assert world.applied == []
    world.git_lock = ""
    watcher.run_once(21.0)
    assert world.applied == ["b"]


def test_a_lock_that_is_never_given_back_is_told_once_and_waited_for() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    world.content, world.git_lock = "b", LOCK
    watcher.run_once(1.0)
    assert watcher.run_once(10.9) == SETTLE
    assert states(world) == [ConfigState.IN_FORCE]
    watcher.run_once(11.0)
    watcher.run_once(60.0)
    assert [outcome.message for outcome in world.reported[1:]] == [
        f"Git holds its lock {LOCK} for longer than 10 s."
    ]
    world.git_lock, world.content = "", "a"
    watcher.run_once(61.0)
    assert states(world)[1:] == [ConfigState.WAITING, ConfigState.IN_FORCE]


def test_a_lock_while_nothing_has_changed_is_nobodys_business() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    world.git_lock = LOCK
    watcher.run_once(1.0)
    watcher.run_once(60.0)
    assert states(world) == [ConfigState.IN_FORCE]


def test_fault_54_a_file_that_is_open_for_writing_is_waited_for() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    world.content, world.is_unfinished = "half", True
    watcher.run_once(1.0)
    assert watcher.run_once(2.0) == SETTLE
    world.content, world.is_unfinished = "whole", False
    watcher.run_once(3.0)
    watcher.run_once(3.5)
    assert world.applied == ["a", "whole"]


def test_fault_54_at_the_start_too() -> None:
    world = World(is_unfinished=True)
    watcher = watcher_of(world)
    assert watcher.run_once(0.0) == SETTLE
    world.is_unfinished = False
    watcher.run_once(0.5)
    assert world.applied == ["a"]


def test_a_file_that_is_held_open_for_good_is_not_waited_for_for_ever() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    world.content, world.is_unfinished = "b", True
    watcher.run_once(1.0)
    watcher.run_once(5.9)
    assert world.applied == ["a"]
    watcher.run_once(6.0)
    assert world.applied == ["a", "b"]


def test_an_event_without_another_content_applies_nothing() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    assert watcher.run_once(1.0) == RESYNC
    assert world.applied == ["a"]


def test_a_change_that_is_undone_in_time_applies_nothing() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    world.content = "b"
    watcher.run_once(1.0)
    world.content = "a"
    watcher.run_once(1.2)
    world.content = "b"
    assert watcher.run_once(1.6) == SETTLE
    assert world.applied == ["a"]


def test_invalid_files_are_told_once_and_healed_by_the_next_good_save() -> None:
    world = World()
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    world.content, world.answer = "b", ConfigurationError("1 mistake")
    watcher.run_once(1.0)
    watcher.run_once(1.5)
    watcher.run_once(31.5)
    world.content, world.answer = "a", NO_CHANGES
    watcher.run_once(40.0)
    watcher.run_once(40.5)
    assert states(world) == [ConfigState.IN_FORCE, ConfigState.INVALID, ConfigState.IN_FORCE]
    assert world.applied == ["a", "b", "b", "a"]


def test_fault_53_another_mistake_is_told_although_their_number_is_the_same() -> None:
    world = World(answer=ConfigurationError("1 mistake", diagnostics=[MISTAKE]))
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    other = replace(MISTAKE, location=Location(file="jobs.d/ops.yaml", line=7, column=1))
    world.content, world.answer = "b", ConfigurationError("1 mistake", diagnostics=[other])
    watcher.run_once(1.0)
    watcher.run_once(1.5)
    world.content = "c"  # a change elsewhere, and the same mistake
    watcher.run_once(2.0)
    watcher.run_once(2.5)
    assert [outcome.diagnostics for outcome in world.reported] == [(MISTAKE,), (other,)]


def test_a_mistake_that_is_mended_outside_of_the_files_is_seen_soon() -> None:
    world = World(answer=ConfigurationError("1 mistake"))
    watcher = watcher_of(world)
    assert watcher.run_once(0.0) == 2.0
    world.answer = NO_CHANGES  # the module that was missing has been written
    assert watcher.run_once(2.0) == RESYNC
    assert states(world) == [ConfigState.INVALID, ConfigState.IN_FORCE]


def test_trying_a_mistake_again_takes_at_most_a_tenth_of_the_time() -> None:
    world = World(answer=ConfigurationError("1 mistake"), reading_seconds=1.0)
    assert watcher_of(world).run_once(0.0) == pytest.approx(10.0, abs=1.0)
    world.reading_seconds = 60.0
    assert watcher_of(world).run_once(0.0) == RESYNC


def test_a_refusal_is_told_once_and_tried_again_with_each_resync() -> None:
    world = World(answer=GuardRefused("too many deletions"))
    watcher = watcher_of(world)
    assert watcher.run_once(0.0) == RESYNC
    watcher.run_once(10.0)
    assert world.applied == ["a"]
    watcher.run_once(RESYNC)
    assert world.applied == ["a", "a"]
    assert states(world) == [ConfigState.REFUSED]
    world.answer = NO_CHANGES  # a person has applied it
    watcher.run_once(2 * RESYNC)
    assert states(world) == [ConfigState.REFUSED, ConfigState.IN_FORCE]


def test_a_database_that_is_away_is_tried_again_soon_and_ever_more_slowly() -> None:
    world = World(answer=DatabaseUnavailable("away"))
    watcher = watcher_of(world)
    pauses = [watcher.run_once(float(10 * number)) for number in range(6)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    assert states(world) == [ConfigState.WAITING]
    world.answer = NO_CHANGES
    assert watcher.run_once(100.0) == RESYNC
    assert states(world) == [ConfigState.WAITING, ConfigState.IN_FORCE]


def test_an_error_of_the_database_does_not_end_the_watcher() -> None:
    world = World(answer=OperationalError("UPDATE …", {}, Exception("deadlock detected\nDETAIL")))
    watcher = watcher_of(world)
    watcher.run_once(0.0)
    assert [outcome.message for outcome in world.reported] == [
        "The database has refused it: deadlock detected"
    ]


def test_polling_looks_often_but_takes_at_most_a_tenth_of_the_time() -> None:
    world = World()
    assert watcher_of(world, poll=True).run_once(0.0) == 0.5
    world.reading_seconds = 2.0
    assert watcher_of(world, poll=True).run_once(0.0) == 20.0
    assert watcher_of(world).run_once(0.0, polls=True) == 20.0


def test_an_outcome_has_its_message() -> None:
    assert Outcome(ConfigState.STARTING).message == ""
    assert Outcome(ConfigState.INVALID, error=JobrunnerError("Broken.")).message == "Broken."
