"""What became of beats that were killed and frozen: which promise is broken, and how late things were."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, RowMapping, text

from tests.promises.due_times import Due

SECOND = timedelta(seconds=1)
_ACT_REACHES = SECOND / 2
"""How long after an act has ended a run may still be late because of it."""
_UNDISTURBED, _NOBODY_AWAKE = "undisturbed", "nobody awake"
CAUSES = (_NOBODY_AWAKE, "freeze", "kill", _UNDISTURBED)
"""Of several that may have delayed a run the first one counts."""

_ROWS = text("""
    SELECT r.id, j.name || '#' || s.name AS key, r.scheduled_for, r.state, r.created_at
      FROM jobrunner.runs AS r
      JOIN jobrunner.schedules AS s ON s.id = r.schedule_id
      JOIN jobrunner.jobs AS j ON j.id = s.job_id
     ORDER BY r.scheduled_for
""")


@dataclass
class Act:
    """What was done to a beat, and until when it was away: its replacement takes a while to start."""

    kind: str
    at: datetime
    until: datetime | None = None

    def is_away(self, moment: datetime) -> bool:
        return self.at <= moment and (self.until is None or moment < self.until)

    def delays(self, due_at: datetime, done_at: datetime) -> bool:
        return self.at <= done_at and (self.until is None or due_at <= self.until + _ACT_REACHES)


@dataclass(frozen=True)
class History:
    """All that was done to the beats."""

    beats: int
    acts: Sequence[Act]

    def cause(self, due_at: datetime, done_at: datetime) -> str:
        """What may have delayed something that was due then."""
        causes = {act.kind for act in self.acts if act.delays(due_at, done_at)}
        moments = [due_at, *(act.at for act in self.acts if due_at <= act.at <= done_at)]
        if any(sum(act.is_away(at) for act in self.acts) >= self.beats for at in moments):
            causes.add(_NOBODY_AWAKE)
        return next(cause for cause in CAUSES if cause in {*causes, _UNDISTURBED})


@dataclass
class Lateness:
    """The longest delay by what may have caused it, in seconds."""

    longest: dict[str, float] = field(default_factory=dict)

    def note(self, due_at: datetime, done_at: datetime, history: History) -> None:
        cause = history.cause(due_at, done_at)
        late = (done_at - due_at).total_seconds()
        self.longest[cause] = max(self.longest.get(cause, 0.0), late)


@dataclass
class Outcome:
    """What the tables and the broker say afterwards."""

    rows: int
    missing: list[str]
    """Owed, and without a row."""
    not_owed: list[str]
    """Rows that nothing asks for, the second one for a time included; messages of no row."""
    acts: Counter[str]
    early: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    """Not skipped, and no message ever came."""
    sent_again: list[str] = field(default_factory=list)
    """More than one message, though nobody was killed or frozen around the first."""
    doubles: int = 0
    """More than one message because a sender was killed or frozen."""
    recorded_late: Lateness = field(default_factory=Lateness)
    sent_late: Lateness = field(default_factory=Lateness)

    @property
    def broken(self) -> list[str]:
        """Each broken promise in words."""
        named = {
            "no row": self.missing, "a row that is not owed": self.not_owed, "early": self.early,
            "no message": self.unsent, "sent again": self.sent_again,
        }  # fmt: skip
        return [f"{what}: {key}" for what, keys in named.items() for key in keys]


def read_rows(engine: Engine) -> Sequence[RowMapping]:
    """Every run of a schedule."""
    with engine.begin() as connection:
        return connection.execute(_ROWS).mappings().all()


def judge(
    rows: Sequence[RowMapping],
    owed: Mapping[tuple[str, datetime], Due],
    arrivals: Mapping[uuid.UUID, Sequence[datetime]],
    history: History,
) -> Outcome:
    """Compare the rows, and the times at which messages came, with what is owed."""
    count = Counter((row["key"], row["scheduled_for"]) for row in rows)
    outcome = Outcome(
        rows=len(rows),
        missing=[_named(*key) for key in owed if key not in count],
        not_owed=[_named(*key) for key, n in count.items() if key not in owed or n > 1],
        acts=Counter(act.kind for act in history.acts),
    )
    for row in rows:
        due = owed.get((row["key"], row["scheduled_for"]))
        messages = arrivals.get(row["id"], ())
        if due is not None:
            outcome.recorded_late.note(due.run_at, row["created_at"], history)
        if due is not None and messages:
            outcome.sent_late.note(due.run_at, messages[0], history)
        _judge_messages(outcome, row, due, messages, history)
    known = {row["id"] for row in rows}
    outcome.not_owed += [f"the message {run_id}" for run_id in arrivals if run_id not in known]
    return outcome


def _judge_messages(
    outcome: Outcome,
    row: RowMapping,
    due: Due | None,
    messages: Sequence[datetime],
    history: History,
) -> None:
    name = _named(row["key"], row["scheduled_for"])
    if due is not None and messages and messages[0] < due.run_at:
        outcome.early.append(name)
    if not messages and row["state"] != "skipped":
        outcome.unsent.append(name)
    if len(messages) > 1 and history.cause(messages[0], messages[0] + SECOND) == _UNDISTURBED:
        outcome.sent_again.append(f"{name} at {', '.join(map(str, messages))}")
    elif len(messages) > 1:
        outcome.doubles += 1


def _named(key: str, nominal: datetime) -> str:
    return f"{key} {nominal:%H:%M:%S}"
