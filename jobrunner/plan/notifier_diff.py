"""The notifiers that are in force compared with those that the files name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from jobrunner.alerts.shown_address import hidden_address
from jobrunner.plan.changes import Delete, Plan
from jobrunner.plan.digest import notified_digest
from jobrunner.plan.notifiers import NotifierChange
from jobrunner.plan.targets import EVERY_JOB, Targets
from jobrunner.spec.models import DefinedJob, JsonValue
from jobrunner.spec.project import DefinedNotifier


def with_notifiers(
    plan: Plan,
    before: Mapping[str, JsonValue],
    wanted: Mapping[str, DefinedNotifier],
    *,
    desired: Sequence[DefinedJob] = (),
    targets: Targets = EVERY_JOB,
) -> Plan:
    """The plan of the jobs, with what becomes of the notifiers.

    With `targets` only those that alerts of a meant job name, without which it would reach nobody; the
    others are left out. `desired` are all jobs of the files.
    """
    found = notifier_changes(before, wanted)
    needed = _needed(plan, desired, targets) if targets else wanted.keys() | before.keys()
    kept = tuple(change for change in found if change.name in needed)
    return replace(
        plan,
        notifiers=kept,
        digest=notified_digest(plan.digest, (change.as_digested() for change in kept)),
        left_out=plan.left_out + len(found) - len(kept),
    )


def notifier_changes(
    before: Mapping[str, JsonValue], wanted: Mapping[str, DefinedNotifier]
) -> tuple[NotifierChange, ...]:
    """By name. An address of either side may be hidden: it is the same as one of its fingerprint."""
    return tuple(_changes(before, wanted))


def _changes(
    before: Mapping[str, JsonValue], wanted: Mapping[str, DefinedNotifier]
) -> Iterator[NotifierChange]:
    for name in sorted({*before, *wanted}):
        after = wanted.get(name)
        if after is None:
            yield NotifierChange(name, "removed", hidden_address(before[name]), None, None)
        elif name not in before:
            new = hidden_address(after.url)
            yield NotifierChange(name, "added", None, new, after.location, after.url)
        elif before[name] != after.url:
            old, new = hidden_address(before[name]), hidden_address(after.url)
            if old != new:
                yield NotifierChange(name, "changed", old, new, after.location, after.url)


def _needed(plan: Plan, desired: Sequence[DefinedJob], targets: Targets) -> frozenset[str]:
    meant = [job for job in desired if targets.cover(job.address)]
    meant += [change.job for change in plan.changes if not isinstance(change, Delete)]
    return frozenset(name for job in meant for alert in job.spec.alerts for name in alert.to)
