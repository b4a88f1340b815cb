"""`jobrunner fsck`: whether the ledger holds."""

from datetime import datetime
from typing import Any

import click

from jobrunner.cli.command import make_command, output_option
from jobrunner.cli.database import open_database
from jobrunner.cli.diagnostic_text import count
from jobrunner.cli.layout import text
from jobrunner.cli.output import Form
from jobrunner.cli.session import Session
from jobrunner.cli.style import check_mark, style
from jobrunner.cli.timestamps import read_timestamp
from jobrunner.fsck import Checked, Finding, check_ledger
from jobrunner.wording.times import iso

_SHOWN = 50


@make_command(
    "fsck",
    "Check the ledger: every due time has its run, every run is over or under way.\n\n"
    "The due times are computed anew, by other code than the scheduler's. Exit 1 with the list of "
    "what does not hold. Nothing is changed.",
    examples=[
        ("jobrunner fsck", "All that the ledger still has."),
        ("jobrunner fsck reports/nightly --since 2026-11-01T00:00:00Z", "One job, since a time."),
    ],
)
@click.argument("addresses", nargs=-1, metavar="[ADDRESS]…")
@click.option("--since", metavar="TIMESTAMP", help="Only later times; ISO 8601 with offset.")
@output_option
def command(session: Session, *, addresses: tuple[str, ...], since: str | None, form: Form) -> int:
    after = None if since is None else read_timestamp("--since", since)
    with (
        open_database(session, "fsck") as engine,
        session.output.progress("checking the ledger"),
    ):
        checked = check_ledger(engine, addresses=addresses, since=after)
    if form == "table":
        _tell(session, checked)
    else:
        session.output.document(_record(checked), form)
    return 0 if checked.holds else 1


def _tell(session: Session, checked: Checked) -> None:
    output = session.output
    for finding in checked.findings[:_SHOWN]:
        output.told(f"{check_mark('wrong')} {_words(finding)}")
        output.told(f"  {style('→', 'quiet')} {text(finding.hint)}")
    hidden = len(checked.findings) - _SHOWN
    if hidden > 0:
        output.result(f"  and {hidden:,} more; `jobrunner fsck -o json` lists them all")
    since = "" if checked.since is None else f" since {iso(checked.since)}"
    schedules, due = count(checked.schedules, "schedule"), count(checked.due, "due time")
    figures = f"{schedules}, {due}, {count(checked.runs, 'run')}{since}"
    if checked.holds:
        output.told(f"{check_mark('ok')} The ledger holds: {figures}.")
    else:
        number = len(checked.findings)
        does = "thing does" if number == 1 else "things do"
        output.told(f"{style(f'{number:,} {does} not hold', 'strong')}: {figures}.")


def _words(finding: Finding) -> str:
    span = ""
    if finding.first is not None and finding.last is not None:
        span = f" {_utc(finding.first)}"
        if finding.last != finding.first:
            span += f" … {_utc(finding.last)}"
    return f"{style(text(finding.address), 'strong')}{span}  {text(finding.what)}"


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _record(checked: Checked) -> dict[str, Any]:
    return {
        "holds": checked.holds,
        "since": iso(checked.since),
        "now": iso(checked.now),
        "schedules": checked.schedules,
        "due_times": checked.due,
        "runs": checked.runs,
        "findings": [
            {
                "address": finding.address,
                "first": iso(finding.first),
                "last": iso(finding.last),
                "count": finding.count,
                "what": finding.what,
                "hint": finding.hint,
            }
            for finding in checked.findings
        ],
    }
