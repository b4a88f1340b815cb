"""What one tick makes of several schedules of one job, as plain values."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobrunner.run import Active
from jobrunner.slots import Pause
from jobrunner.tick import DueSchedule, NewRun, Tick, decide_tick

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAUSED = {("job", "test/job"): (Pause(NOON + timedelta(minutes=30), NOON + timedelta(hours=1)),)}


def due(number: int, every: int, late: timedelta, **policies: object) -> DueSchedule:
    """A schedule of the one job, due at noon."""
    spec = {"name": f"s{number}", "every": f"{every}s", "anchor": NOON.isoformat()}
    values: dict[str, object] = {
        "id": f"00000000-0000-0000-0000-00000000000{number}",
        "name": f"s{number}",
        "spec_json": json.dumps(spec),
        "next_scheduled_for": NOON,
        "total_run_count": 0,
        "job_id": "10000000-0000-0000-0000-000000000000",
        "address": "test/job",
        "namespace": "test",
        "tags": (),
        "definition_id": 1,
        "queue": "default",
        "priority": None,
        "overlap": "skip",
        "catch_up_policy": "latest",
        "catch_up_window": None,
        "catch_up_max": None,
        "max_concurrency": None,
        "expires": None,
        "now": NOON + late,
    }
    return DueSchedule(**{**values, **policies})  # type: ignore[arg-type]  # by name, as from a row


@dataclass(frozen=True)
class Situation:
    """What a tick meets: schedules that are late by the same, and runs that are under way."""

    intervals: list[int]
    """Of each schedule, in seconds."""
    late: timedelta
    overlap: str
    catch_up: str
    active: Active
    paused: bool

    @property
    def schedules(self) -> list[DueSchedule]:
        policies = {
            "overlap": self.overlap,
            "catch_up_policy": self.catch_up,
            "max_concurrency": self.active.limit,
        }
        return [due(n, every, self.late, **policies) for n, every in enumerate(self.intervals)]

    @property
    def tick(self) -> Tick:
        active = {self.schedules[0].job_id: self.active}
        return decide_tick(self.schedules, active, PAUSED if self.paused else {})


def started(rows: list[NewRun]) -> int:
    return sum(row.state == "queued" and not row.held for row in rows)


_ACTIVE = st.builds(
    Active,
    running=st.integers(0, 2),
    queued=st.integers(0, 2),
    held=st.integers(0, 1),
    backfill=st.integers(0, 2),
    limit=st.none() | st.integers(1, 4),
)
_SITUATIONS = st.builds(
    Situation,
    intervals=st.lists(st.integers(20, 4000), min_size=1, max_size=3),
    late=st.integers(0, 8000).map(lambda seconds: timedelta(seconds=seconds)),
    overlap=st.sampled_from(["allow", "skip", "queue", "replace"]),
    catch_up=st.sampled_from(["skip", "latest", "all"]),
    active=_ACTIVE,
    paused=st.booleans(),
)


@given(_SITUATIONS)
def test_every_time_of_every_schedule_is_in_one_row_and_the_counts_add_up(
    situation: Situation,
) -> None:
    tick = situation.tick
    told = Counter[object]()
    for row in tick.rows:
        told[row.schedule_id] += row.missed_count or 1
    passed = {
        schedule.id: situation.late // timedelta(seconds=seconds) + 1
        for schedule, seconds in zip(situation.schedules, situation.intervals, strict=True)
    }
    assert told == passed
    assert len({row.id for row in tick.rows}) == len(tick.rows)
    assert sum(advance.fired for advance in tick.advances) == sum(
        row.missed_count is None for row in tick.rows
    )


@given(_SITUATIONS)
def test_no_tick_starts_more_than_overlap_and_limit_allow(situation: Situation) -> None:
    active, overlap, rows = situation.active, situation.overlap, situation.tick.rows
    number = started(rows)
    if overlap != "allow" and number:
        assert number == 1
        assert active.running == 0
    if active.limit is not None and number:
        # `replace` has cancelled what was queued before.
        stays = active.running + active.backfill + (0 if overlap == "replace" else active.queued)
        assert stays + number <= active.limit
    if overlap in {"queue", "replace"} and situation.catch_up != "all":
        assert sum(row.held for row in rows) <= 1
