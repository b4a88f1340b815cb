"""Codes of keys and values."""

from jobrunner.spec.codes.code import Code

CODES = {
    "E201": Code(
        "an unknown key",
        """\
A misspelt key, a key of another tool, or one that belongs to another place. The message names the
key that was probably meant.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    qeue: reports
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    queue: reports
""",
    ),
    "E203": Code(
        "a value of the wrong kind",
        """\
For example a text where a number belongs. `no` and `off` are texts in YAML 1.2; write `false`.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    priority: high
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    priority: 6
""",
    ),
    "E204": Code(
        "a value that is not allowed",
        """\
A number outside its bounds, or a word that is none of the choices.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    priority: 12
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    priority: 9
""",
    ),
    "E205": Code(
        "a key is missing",
        """\
A job needs a `task`, its own or one from `defaults`; `solar` needs `event`, `latitude` and `longitude`;
an alert needs `when` and `to`, and `after` where it tells of `late` or `too_long`.
""",
        bad="""\
jobs:
  report:
    schedule: "30 5 * * *"
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: "30 5 * * *"
""",
    ),
    "E206": Code(
        "a name that cannot be a name",
        """\
Names of projects, namespaces, jobs, schedules, queues, notifiers and calendars have lower-case letters,
digits, `.`, `_` and `-`, at most 100 of them, and start with a letter or a digit; that of a calendar starts
with a letter, so that `exclude` cannot take it for a day.
""",
        bad="""\
jobs:
  Sales Report:
    task: acme.tasks.report
""",
        good="""\
jobs:
  sales-report:
    task: acme.tasks.report
""",
    ),
    "E207": Code(
        "not a duration",
        """\
A number and a unit, as often as needed: `500ms`, `90s`, `1h30m`, `2d`, `1w`. A bare number is
refused, because nobody can see whether it means seconds or minutes.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    timeout: 30
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    timeout: 30m
""",
    ),
    "E208": Code(
        "not a cron expression",
        """\
Five fields (minute, hour, day of the month, month, day of the week), or six with the second first,
or a macro such as `@daily`. An expression that can never match is refused too. A schedule that is a
plain text is a cron expression; an interval and a recurrence rule are written as a mapping:
`{every: 5m}`, `{rrule: "FREQ=DAILY"}`.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: "30 25 * * *"
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: "30 5 * * *"
""",
    ),
    "E209": Code(
        "not exactly one rule",
        """\
A schedule has exactly one of `cron`, `every`, `rrule`, `at` and `solar`; a job has either `schedule` or
`schedules`.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "0 * * * *", every: 1h}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {every: 1h}
""",
    ),
    "E210": Code(
        "not a timestamp",
        """\
ISO 8601, for example `2026-12-01T09:00` in the schedule's `timezone`, or `2026-12-01T09:00+01:00`.
A local time that the clock skips in spring does not exist and is refused; of a time that it shows
twice in autumn the first is meant. `dtstart`, `exdate` and `rdate` are what the clock shows, so they
may be skipped times; `exdate` and `rdate` need a time of day, because midnight is another time than
the one at which the rule runs.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {at: 31.12.2026 18:00}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {at: 2026-12-31T18:00}
""",
    ),
    "E211": Code(
        "an unknown time zone",
        """\
IANA names such as `Europe/Berlin` or `UTC`.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "30 5 * * *", timezone: Berlin}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "30 5 * * *", timezone: Europe/Berlin}
""",
    ),
    "E212": Code(
        "two values contradict each other",
        """\
A `soft_timeout` that is not shorter than `timeout`, an `end_at` that is not after `start_at`, a
`delay` longer than `max_delay`, an `anchor` without `every`, a `dtstart`, `exdate` or `rdate` without
`rrule`, a `dst` with a rule that names no time of day, a secret in a `celery_task`, whose message
would carry it, an `after` of an alert that neither tells of `late` nor of `too_long`.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    timeout: 20m
    soft_timeout: 30m
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    timeout: 30m
    soft_timeout: 20m
""",
    ),
    "E213": Code(
        "another version of the format",
        """\
This version of jobrunner reads `version: 1`.
""",
        bad="""\
version: 2
jobs:
  report:
    task: acme.tasks.report
""",
        good="""\
version: 1
jobs:
  report:
    task: acme.tasks.report
""",
    ),
    "E214": Code(
        "the arguments are too large",
        """\
`args` and `kwargs` together are at most 64 KiB as JSON. Pass a path or an id instead of the data.
""",
    ),
    "E215": Code(
        "a pattern that cannot be used",
        """\
Patterns of `include` stay below the project file's folder; patterns of `allow.tasks` are dotted
paths in which `*` stands for anything.
""",
        bad="""\
include: ["../jobs.d/*.yaml"]
""",
        good="""\
include: ["jobs.d/*.yaml"]
""",
        is_project=True,
    ),
    "E216": Code(
        "not a recurrence rule",
        """\
The `RRULE` of RFC 5545, for example `FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9;BYMINUTE=0;BYSECOND=0`.
What stands beside it in a calendar has keys of its own: `dtstart`, `exdate`, `rdate`. `dtstart` is
needed where the rule leaves something open that its first time decides: with `COUNT`, with an
`INTERVAL` above 1, or `FREQ=WEEKLY` without a day. A rule that can never match is refused.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {rrule: "FREQ=MONTHLY;BYDAY=FR-1;BYHOUR=9"}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {rrule: "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9;BYMINUTE=0;BYSECOND=0"}
""",
    ),
    "E217": Code(
        "not a day",
        """\
A date `2026-12-25`, or a range with both ends: `2026-12-24/2027-01-01`, `2026-12-24..2027-01-01` or
`{from: 2026-12-24, to: 2027-01-01}`.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "30 5 * * *", exclude: [2026-12-32]}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "30 5 * * *", exclude: [2026-12-31]}
""",
    ),
    "E218": Code(
        "an unknown calendar",
        """\
`exclude` names calendars of the project file: `calendars: {holidays: {dates: ["2026-12-25"]}}`.
""",
        bad="""\
calendars: {holidays: {dates: [2026-12-25]}}
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "30 5 * * *", exclude: holiday}
""",
        good="""\
calendars: {holidays: {dates: [2026-12-25]}}
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "30 5 * * *", exclude: holidays}
""",
        is_project=True,
    ),
    "E219": Code(
        "not a reference to a secret",
        """\
`{secret: "env:NAME"}` or `{secret: "file:/run/secrets/name"}`, with no key beside `secret`. Data that
is no secret needs another name than `secret` inside of an argument.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {api_key: {secret: REPORTS_API_KEY}}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {api_key: {secret: "env:REPORTS_API_KEY"}}
""",
    ),
    "E220": Code(
        "an unknown notifier",
        """\
`to` of an alert names `notifiers` of the project file.
""",
        bad="""\
notifiers: {oncall: {url: {secret: "env:ONCALL_URL"}}}
jobs:
  report:
    task: acme.tasks.report
    alerts: [{when: failure, to: on-call}]
""",
        good="""\
notifiers: {oncall: {url: {secret: "env:ONCALL_URL"}}}
jobs:
  report:
    task: acme.tasks.report
    alerts: [{when: failure, to: oncall}]
""",
        is_project=True,
    ),
    "E221": Code(
        "not an address",
        """\
`links` are addresses of the web; the `url` of a notifier is one too, or that of a service.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    links: {Runbook: wiki.example.com/report}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    links: {Runbook: https://wiki.example.com/report}
""",
    ),
}
