"""Codes of what is valid, and yet hardly meant so."""

from jobrunner.spec.codes.code import Code

CODES = {
    "W201": Code(
        "a time that the clock skips",
        """\
The schedule names a time of day that does not exist on the day the clock goes forward. The run
happens once, at the first instant after the gap, or not at all where the hour or the minute is not a
fixed one. Another time, or `timezone: UTC`, avoids it; `dst: {gap: …}` says what is meant, and ends
the warning.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "30 2 * * *", timezone: Europe/Berlin}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "30 4 * * *", timezone: Europe/Berlin}
""",
    ),
    "W202": Code(
        "a time that the clock repeats",
        """\
The schedule names times of day that come twice on the day the clock goes back, and runs in both.
`dst: {overlap: …}` says what is meant, and ends the warning.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "*/20 2 * * *", timezone: Europe/Berlin, dst: {gap: skip}}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {cron: "*/20 2 * * *", timezone: Europe/Berlin, dst: {gap: skip, overlap: both}}
""",
    ),
    "W203": Code(
        "a time-out longer than the interval",
        """\
With `overlap: skip`, a run that takes its whole `timeout` makes the next ones be skipped.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    timeout: 30m
    schedule: {every: 15m}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    timeout: 10m
    schedule: {every: 15m}
""",
    ),
    "W204": Code(
        "retries that reach into the next run",
        """\
The delays between the attempts, taken together, can last longer than the interval, and hold up
what is due in between.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    retry: {max_retries: 3, delay: 10m}
    schedule: {every: 15m}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    retry: {max_retries: 3, delay: 1m}
    schedule: {every: 15m}
""",
    ),
    "W205": Code(
        "a schedule with no time left",
        """\
Its `end_at` is in the past, no time of the schedule is left before it, or `exclude` and `exdate` take
out each of its times. Or the clock skips all of them, and `dst: {gap: skip}` leaves them out.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {every: 15m, end_at: 2020-01-01}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {every: 15m}
""",
    ),
    "W206": Code(
        "many runs in one minute",
        """\
More than 100 runs are due in one minute. `jitter` spreads them, and so does `H` in place
of the minute.
""",
    ),
    "W207": Code(
        "a sensitive argument that is not given",
        """\
`sensitive` names something that neither the job nor one of its schedules has among its `kwargs`. It
may be meant for a value that is given at each trigger; or the name is misspelt, and the value lies open.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {password: x}
    sensitive: [pasword]
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {password: x}
    sensitive: [password]
""",
    ),
    "W208": Code(
        "a queue that no worker serves",
        """\
`plan`, `apply` and `watch` know the workers that are at work, and none of them takes from this queue: its
runs would wait. Start a worker with `-Q`, or correct the name. Told once for each queue, and only while
there is a worker at all; the queues of a `celery_task` are its own app's.
""",
    ),
    "W209": Code(
        "a time that has passed",
        """\
All times of `at` are in the past: a schedule that is applied now never runs. `validate` cannot know
whether it was applied before and has run; `plan`, `apply` and `watch` do, and are silent then.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {at: 2020-01-01T06:00:00Z}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: {at: 2099-01-01T06:00:00Z}
""",
    ),
    "W210": Code(
        "too many warnings in one file",
        """\
After 1,000 warnings about the jobs of one file the others are not shown.
""",
    ),
}
