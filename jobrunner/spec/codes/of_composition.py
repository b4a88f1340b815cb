"""Codes of what is put together from several places."""

from jobrunner.spec.codes.code import Code

CODES = {
    "E230": Code(
        "an expression ${…} that cannot be read",
        """\
`${NAME}`, `${NAME:-default}` and `${NAME:?message}` are expanded in values, and `${matrix.name}` in a
job with a matrix. No expression stands inside of another, and `$$` is a dollar sign.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {region: "${REGION"}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {region: "${REGION:-eu}"}
""",
    ),
    "E231": Code(
        "a variable without a value",
        """\
Values come from the `vars` of the environment that was chosen with `-e`, and from variables of the
process named `JOBRUNNER_VAR_NAME`, which win; never from the rest of its environment.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {region: "${REGION}"}
""",
        good="""\
environments:
  prod: {vars: {REGION: eu}}
jobs:
  report:
    task: acme.tasks.report
    kwargs: {region: "${REGION}"}
""",
        is_project=True,
        environment="prod",
    ),
    "E232": Code(
        "an expression ${…} where none is expanded",
        """\
Keys, names, `include`, `extends`, `matrix`, `moved`, `allow`, `celery` and `vars` are the same in every
environment: they say which jobs there are, and what may be loaded.
""",
        bad="""\
project: acme-${STAGE:-dev}
""",
        good="""\
project: acme
""",
        is_project=True,
    ),
    "E233": Code(
        "an unknown environment",
        """\
The project file declares `environments`, and the one that was chosen with `-e` or
`JOBRUNNER_ENVIRONMENT` is none of them. A project that declares none takes any name.
""",
    ),
    "E234": Code(
        "an unknown template",
        """\
`extends` names templates of the same document and of the project file.
""",
        bad="""\
templates: {sync: {queue: sync, timeout: 10m}}
jobs:
  report:
    task: acme.tasks.report
    extends: snyc
""",
        good="""\
templates: {sync: {queue: sync, timeout: 10m}}
jobs:
  report:
    task: acme.tasks.report
    extends: sync
""",
    ),
    "E235": Code(
        "templates that extend each other without end",
        """\
A template may extend others, 50 in all; none of them may lead back to itself.
""",
        bad="""\
templates:
  fast: {extends: sync, timeout: 1m}
  sync: {extends: fast, queue: sync}
jobs:
  report:
    task: acme.tasks.report
    extends: fast
""",
        good="""\
templates:
  fast: {extends: sync, timeout: 1m}
  sync: {queue: sync}
jobs:
  report:
    task: acme.tasks.report
    extends: fast
""",
    ),
    "E236": Code(
        "a matrix that cannot be expanded",
        """\
A matrix is a mapping of names to lists of texts, numbers, `true` and `false`, of which names of jobs
can be made. A number that would be written otherwise, such as `3.10` as 3.1, needs quotes. It makes at
most 1,000 jobs, and all of a file at most 10,000.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    matrix: {region: eu}
    kwargs: {region: "${matrix.region}"}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    matrix: {region: [eu, us]}
    kwargs: {region: "${matrix.region}"}
""",
    ),
    "E237": Code(
        "the same template twice",
        """\
A file's template cannot have the name of one of the project's: nobody would see which one a job has.
""",
    ),
    "W251": Code(
        "a queue that is not declared",
        """\
The project file declares `queues`, and this is none of them: a slip, or one that is still to be added.
The queue of a `celery_task` is its own app's.
""",
        bad="""\
queues: {default: {}, reports: {}}
jobs:
  report:
    task: acme.tasks.report
    queue: repots
""",
        good="""\
queues: {default: {}, reports: {}}
jobs:
  report:
    task: acme.tasks.report
    queue: reports
""",
        is_project=True,
    ),
    "W252": Code(
        "a secret that lies open",
        """\
The address of a notifier holds a password, a key of a service, or what looks like one. Who reads the files
could write there; `{secret: "env:NAME"}` keeps it out of them.
""",
        bad="""\
notifiers:
  oncall: {url: "https://jobs:pa55@alerts.example.com/in"}
""",
        good="""\
notifiers:
  oncall: {url: {secret: "env:ONCALL_URL"}}
""",
        is_project=True,
    ),
}
