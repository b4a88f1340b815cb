"""Codes of jobs among each other."""

from jobrunner.spec.codes.code import Code

CODES = {
    "E401": Code(
        "the same job twice",
        """\
`namespace/name` is the identity of a job, whatever the file. The note names the other place.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
---
jobs:
  report:
    task: acme.tasks.report
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
---
jobs:
  weekly:
    task: acme.tasks.report
""",
    ),
    "E402": Code(
        "a move that cannot be made",
        """\
`moved` says that a job has another address. Its `from` is no longer defined, its `to` is, or is the
`from` of another move; each of them stands there once, and no move leads back to where another began.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
moved:
  - {from: default/old-report, to: default/reports}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
moved:
  - {from: default/old-report, to: default/report}
""",
    ),
}
