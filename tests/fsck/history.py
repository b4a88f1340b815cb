"""A busy past, made by apply and dispatch with a clock that is handed in."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from jobrunner.db.engine import transaction
from jobrunner.fsck import Checked, check_ledger
from jobrunner.recording import record_due
from tests.reconcile.acme import NOW, Reconciler, make_job

RULES: Sequence[dict[str, Any]] = (
    {"cron": "*/20 * * * *", "timezone": "Europe/Paris"},
    {"cron": "30 2 * * *", "timezone": "America/New_York", "dst": {"gap": "skip"}},
    {"cron": "H H(1-4) * * *", "timezone": "Australia/Lord_Howe"},
    {"cron": "15 3 L * MON-FRI", "timezone": "Europe/Paris", "jitter": "20m"},
    {"every": "45m", "anchor": "2026-01-01T00:07:00Z", "max_runs": 40},
    {"rrule": "FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9,17", "dtstart": "2026-01-05T09:00:00"},
    {"solar": {"event": "sunset", "latitude": 52.5, "longitude": 13.4}, "exclude": ["2027-03-30"]},
    {"at": ["2027-03-22T12:00:00Z", "2027-04-01T12:00:00Z"]},
)
"""One of each kind, in zones whose clocks change in the weeks that follow."""

START = NOW.replace(year=2027, month=3, day=10)


@dataclass
class History:
    """Two jobs with all kinds of schedules; acts happen at the moment that `now` is at."""

    acme: Reconciler
    source: random.Random
    now: datetime = START
    _enabled: list[bool] = field(default_factory=lambda: [True] * len(RULES))
    _edits: int = 0

    def apply(self) -> None:
        """The schedules as they are now; every edit moves the interval a little."""
        named = [
            {"name": f"s{index}", "enabled": self._enabled[index], **rule}
            for index, rule in enumerate(RULES)
        ]
        named.append({"name": "edited", "every": f"{10 + self._edits}m"})
        jobs = [
            make_job("night/even", schedules=named[::2], overlap="allow"),
            make_job("night/odd", schedules=named[1::2], catch_up={"policy": "all"}),
        ]
        self.acme.apply(*jobs, now=self.now)

    def edit(self) -> None:
        """Another interval, and one schedule switched on or off."""
        self._edits += 1
        index = self.source.randrange(len(RULES))
        self._enabled[index] = not self._enabled[index]
        self.apply()

    def pause(self) -> None:
        """A job is held back for some hours."""
        self.acme.execute(
            "INSERT INTO jobrunner.pauses (scope, target, paused_by, started_at, until)"
            " VALUES ('job', :target, 'ada', :now, :until) ON CONFLICT DO NOTHING",
            target=self.source.choice(("night/even", "night/odd")),
            now=self.now,
            until=self.now + timedelta(hours=self.source.randint(1, 30)),
        )

    def resume(self) -> None:
        """All pauses end now, or have ended when they said."""
        self.acme.execute(
            "UPDATE jobrunner.pauses SET ended_at = least(CAST(:now AS timestamptz), until)"
            " WHERE ended_at IS NULL",
            now=self.now,
        )

    def tick(self) -> None:
        """All that is due, and the end of every run that could start."""
        handled = 1
        while handled:
            with transaction(self.acme.engine) as connection:
                handled = record_due(connection, now=self.now).due
        self.acme.execute(
            "UPDATE jobrunner.runs SET state = 'succeeded', attempt = 1, held = false,"
            " finished_at = :now WHERE state = 'queued'",
            now=self.now,
        )
        self.acme.execute(
            "INSERT INTO jobrunner.attempts (run_id, number, state, claim_token, worker, pid, started_at)"
            " SELECT id, 1, 'succeeded', gen_random_uuid(), 'w', 1, :now FROM jobrunner.runs"
            "  WHERE state = 'succeeded' ON CONFLICT DO NOTHING",
            now=self.now,
        )

    def go_on(self, *, days: int) -> None:
        """So many days of ticks a few minutes apart, of hours without any, of edits and pauses."""
        self.apply()
        end = self.now + timedelta(days=days)
        while self.now < end:
            minutes = self.source.choice((3, 10, 31, 60, 200))
            self.now += timedelta(minutes=minutes, seconds=self.source.randint(0, 59))
            act = self.source.random()
            if act < 0.05:
                self.now += timedelta(hours=self.source.randint(3, 40))  # no beat at work
            elif act < 0.1:
                self.edit()
            elif act < 0.14:
                self.pause()
            elif act < 0.2:
                self.resume()
            self.tick()

    def check(self, *, since: datetime | None = None) -> Checked:
        """The ledger at this moment."""
        return check_ledger(self.acme.engine, now=self.now, since=since)
