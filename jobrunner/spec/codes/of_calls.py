"""Codes of what jobs call."""

from jobrunner.spec.codes.code import Code

CODES = {
    "E301": Code(
        "not a dotted path",
        """\
`package.module.callable`, each part a Python name; no lambda and no `__dunder__` names.
""",
        bad="""\
jobs:
  report:
    task: report
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
""",
    ),
    "E302": Code(
        "a callable that may not be loaded",
        """\
It is outside the patterns of `allow.tasks`; or there are none, and it is a part of Python itself.
A `command` needs `allow: {commands: true}` in the project file, and `JOBRUNNER_ALLOW_COMMANDS=true`
at the worker. What a module only imports is judged by where it is defined, too.
""",
        bad="""\
jobs:
  report:
    task: os.system
    args: [./report.sh]
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
""",
    ),
    "E303": Code(
        "a callable that is not there",
        """\
The module is there and has no such name, or the class has no `__call__`. A module that makes its names
while it is imported (`__getattr__`, `import *`, `globals()`) is believed.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.reprot
    kwargs: {region: eu}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {region: eu}
""",
        python="""\
def report(region: str, days: int = 7) -> None: ...
""",
    ),
    "E304": Code(
        "arguments that do not fit",
        """\
`args` and `kwargs`, of the job or of a schedule that has its own, do not match the signature of `task`:
a name that it does not have, one that is missing or given twice, too many by position, or a value that
its type hint does not take. The rule is the worker's own: text becomes a date, a duration, an enum or
a model where the hint asks for one. A `{secret: …}` and a `sensitive` argument are judged by
their names only. A job without a schedule may leave arguments to whoever starts it. An `on_end` is
called with the run that has ended, or with nothing, and may need no more.

Without running anything, the source tells a plain signature, Celery's own decorators and the common
type hints; what another decorator makes of a function is not judged. `validate --check-tasks import`
knows all of it.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {regoin: eu}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {region: eu}
""",
        python="""\
def report(region: str, days: int = 7) -> None: ...
""",
    ),
    "E305": Code(
        "a module that cannot be loaded",
        """\
It is no Python; or, with `--check-tasks import`, it raises or exits while it is imported, ends its process,
or has not ended after 30 seconds.
""",
    ),
    "W301": Code(
        "a module that is not here",
        """\
`validate` finds the module neither in the project's folder nor among what is installed, so what calls it is
not checked. Run it where a worker would run, or with `--check-tasks off`. `plan`, `apply` and
`watch` say nothing of it: they are often run where the code is not.
""",
        bad="""\
jobs:
  report:
    task: acme.task.report
    kwargs: {region: eu}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {region: eu}
""",
        python="""\
def report(region: str, days: int = 7) -> None: ...
""",
    ),
}
