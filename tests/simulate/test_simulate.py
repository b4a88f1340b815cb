"""A simulated day: what starts when, and what the policies make of runs that take too long."""

from datetime import UTC, datetime, timedelta
from typing import Any

from jobrunner.simulate import Day, Durations, Overlaps, simulate_day
from jobrunner.spec.models import JobSpec

DAY = datetime(2027, 3, 28, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def make_job(name: str = "job", *schedules: dict[str, Any], **fields: Any) -> JobSpec:
    named = [{"name": f"s{index}", **schedule} for index, schedule in enumerate(schedules)]
    return JobSpec.model_validate(
        {"namespace": "night", "name": name, "task": "acme.run", "schedules": named, **fields}
    )


def taking(p50: int, p95: int, *names: str) -> dict[str, Durations]:
    """That many minutes, by address."""
    known = Durations(p50 * MINUTE, p95 * MINUTE, runs=100)
    return {f"night/{name}": known for name in names or ("job",)}


def play(*jobs: JobSpec, durations: dict[str, Durations] | None = None) -> Day:
    return simulate_day(jobs, starts_at=DAY, durations=durations or {})


def test_starts_are_counted_by_queue_and_hour() -> None:
    day = play(
        make_job("a", {"every": "30m"}),
        make_job("b", {"cron": "15 5 * * *"}, {"cron": "0 5 * * *", "queue": "low"}, queue="high"),
    )
    assert {queue.name: queue.starts for queue in day.queues} == {
        "default": 48,
        "high": 1,
        "low": 1,
    }
    assert day.queues[0].starts_by_hour == (2,) * 24
    assert day.queues[1].starts_by_hour == (0,) * 5 + (1,) + (0,) * 18
    assert day.starts == 50


def test_the_busiest_minute_is_the_first_of_those_with_the_most_starts() -> None:
    day = play(make_job("a", {"cron": "*/20 * * * *"}), make_job("b", {"cron": "40 3,4 * * *"}))
    assert day.busiest_minute_at == DAY + timedelta(hours=3, minutes=40)
    assert day.busiest_minute_starts == 2


def test_a_day_of_a_clock_change_has_the_starts_of_that_day() -> None:
    day = play(make_job("a", {"cron": "0 * * * *", "timezone": "Europe/Paris"}))
    assert day.queues[0].starts_by_hour == (1,) * 24
    assert play(make_job("a", {"cron": "30 2 * * *", "timezone": "Europe/Paris"})).starts == 1


def test_what_is_off_or_has_nothing_on_this_day_does_not_start() -> None:
    day = play(
        make_job("off", {"every": "1h"}, enabled=False),
        make_job("half", {"every": "1h", "enabled": False}),
        make_job("rare", {"cron": "0 0 1 1 *"}),
    )
    assert (day.starts, day.jobs, day.idle_jobs, day.busiest_minute_at) == (0, (), 2, None)


def test_a_day_has_no_more_starts_than_a_schedule_has_runs() -> None:
    day = play(make_job("a", {"every": "1m", "max_runs": 3}, {"cron": "0 5 * * *"}))
    assert day.starts == 4


def test_a_start_that_waited_for_its_jitter_over_midnight_is_of_the_next_day() -> None:
    day = play(make_job("a", {"cron": "59 23 * * *", "jitter": "5h"}))
    assert day.starts == 1


def met(day: Day) -> tuple[Overlaps | None, Overlaps | None]:
    [job] = day.jobs
    return job.usual, job.slow


def test_a_skipped_start_is_counted_by_the_usual_and_by_the_slow_run() -> None:
    day = play(make_job("job", {"every": "10m"}), durations=taking(3, 15))
    assert met(day) == (Overlaps(0, 0, 0), Overlaps(skipped=72, waited=0, replaced=0))
    assert day.queues[0].slots == 1


def test_of_a_queue_one_start_waits_and_the_next_is_skipped() -> None:
    day = play(make_job("job", {"cron": "0,1,2 6 * * *"}, overlap="queue"), durations=taking(1, 30))
    assert met(day)[1] == Overlaps(skipped=1, waited=1, replaced=0)


def test_a_replaced_run_is_cut_short() -> None:
    day = play(make_job("job", {"cron": "0,1 6 * * *"}, overlap="replace"), durations=taking(1, 30))
    assert met(day)[1] == Overlaps(skipped=0, waited=0, replaced=1)
    assert day.queues[0].slots == 1


def test_runs_that_may_overlap_take_a_slot_each() -> None:
    durations = taking(1, 25)
    assert (
        play(make_job("job", {"every": "10m"}, overlap="allow"), durations=durations)
        .queues[0]
        .slots
        == 3
    )
    limited = make_job("job", {"every": "10m"}, overlap="allow", max_concurrency=2)
    day = play(limited, durations=durations)
    assert day.queues[0].slots == 2
    assert met(day)[1] is not None


def test_slots_are_those_of_all_jobs_of_a_queue_at_its_peak() -> None:
    jobs = [make_job(name, {"cron": "0 6 * * *"}) for name in ("a", "b", "c")]
    day = play(*jobs, durations=taking(1, 1, "a", "b"))
    assert (day.queues[0].slots, day.queues[0].unknown) == (2, 1)


def test_without_durations_only_starts_are_told() -> None:
    day = play(make_job("job", {"every": "10m"}))
    assert met(day) == (None, None)
    assert (day.queues[0].slots, day.queues[0].unknown) == (None, 1)
