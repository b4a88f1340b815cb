"""Codes of the files, and their text as YAML."""

from jobrunner.spec.codes.code import Code

CODES = {
    "E101": Code(
        "the file is not UTF-8",
        """\
Save the file as UTF-8, with or without a byte order mark. The message names the first byte that does not
fit and its offset.
""",
    ),
    "E102": Code(
        "a character that may not stand here",
        """\
Control characters, line breaks other than LF, CRLF and CR, and marks that reverse the direction of
a line are refused everywhere. Tabs, no-break spaces and invisible spaces are refused outside of
quotes, block texts and comments, where they look like a space and are none.
""",
        bad="""\
jobs:
  report:
    task:\tacme.tasks.report
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
""",
    ),
    "E103": Code(
        "the text is not YAML",
        """\
The parser cannot read on from here: a line that does not line up, a bracket or a quote that is not
closed, a tab as indentation. Documents before the place are still checked.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
   queue: reports
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    queue: reports
""",
    ),
    "E104": Code(
        "an expression has to be quoted",
        """\
`cron: */5 * * * *` and `cron: @daily` start with signs that mean something to YAML. Put the
expression in quotes; the message shows the mended line.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: */15 * * * *
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    schedule: "*/15 * * * *"
""",
    ),
    "E105": Code(
        "the same key twice",
        """\
One of the two would be lost. For `<<`, write one with a list: `<<: [*first, *second]`.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    queue: reports
    queue: slow
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    queue: reports
""",
    ),
    "E106": Code(
        "an alias that cannot be followed",
        """\
`*name` needs an `&name` before it, and cannot stand inside of what it names.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    retry: *often
""",
        good="""\
x-often: &often {max_retries: 5}
jobs:
  report:
    task: acme.tasks.report
    retry: *often
""",
    ),
    "E107": Code(
        "values are repeated too often",
        """\
A document may repeat at most 10,000 values by aliases. Common values are better kept in `defaults`. What
the jobs of one file have from `defaults` and templates, and by a `matrix`, and their schedules from the
`kwargs` of the job, is at most 500,000 values.
""",
        bad="""\
x-a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
x-b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
x-c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
x-d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
jobs:
  report:
    task: acme.tasks.report
    args: [*d]
""",
        good="""\
x-a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
x-b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
x-c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
jobs:
  report:
    task: acme.tasks.report
    args: [*b]
""",
    ),
    "E108": Code(
        "nested too deeply",
        """\
At most 64 levels.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    args: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
          [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
          ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
          ]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    args: [[1, 2], [3, 4]]
""",
    ),
    "E109": Code(
        "a tag",
        """\
`!custom` and `!!python/…` are never followed. Write the value itself, and quotes for a text.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    args: [!date 2026-12-25]
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    args: ["2026-12-25"]
""",
    ),
    "E110": Code(
        "an ambiguous number",
        """\
`010` and `1_000` are different values to different readers of YAML; numbers beyond 64 bits, `.inf`
and `.nan` cannot be stored as JSON. Write the number plainly, or quote the text.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {mode: 0640}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {mode: "0640"}
""",
    ),
    "E111": Code(
        "a key that is not text",
        """\
Keys such as `1:` or `true:` need quotes, and a list or a mapping cannot be a key. `{{ name }}`
without quotes is a mapping in a mapping.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {names: {1: one}}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {names: {"1": one}}
""",
    ),
    "E112": Code(
        "a merge key without a mapping",
        """\
`<<` takes a mapping or a list of mappings, usually an alias: `<<: *common`.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    <<: reports
""",
        good="""\
x-common: &common {queue: reports}
jobs:
  report:
    task: acme.tasks.report
    <<: *common
""",
    ),
    "E113": Code(
        "a character that cannot be stored",
        """\
A NUL in a text, written as `"\\0"`, cannot be stored in PostgreSQL.
""",
        bad="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {separator: "\\0"}
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
    kwargs: {separator: "\\n"}
""",
    ),
    "E120": Code(
        "the file cannot be read",
        """\
A folder or a file without permission, a link that leads nowhere, a file that went away in the
middle. Nothing is applied while a file cannot be read, so that no job is deleted by accident.
""",
    ),
    "E121": Code(
        "the file is not a file of the project",
        """\
A FIFO, a socket, a device, or a link that leads out of the project's folder.
""",
    ),
    "E122": Code(
        "the file is too large",
        """\
At most 5 MB a file. Split it: the place of a job is no part of its identity.
""",
    ),
    "E123": Code(
        "the files are too large in all",
        """\
At most 100 MB a project. Nothing of it is read before `include` is narrowed.
""",
    ),
    "E124": Code(
        "there is no such project file",
        """\
The file named by `--config` or `JOBRUNNER_CONFIG`, or the working directory itself, does not exist.
""",
    ),
    "W101": Code(
        "a pattern that matches no file",
        """\
`include` names job files relative to the project file's folder, and no file is where this pattern looks:
a slip, or a folder that has gone with all its jobs. Of two patterns that differ in `.yaml` and `.yml`
one will do.
""",
        bad="""\
include: ["job.d/**/*.yaml"]
jobs:
  report:
    task: acme.tasks.report
""",
        good="""\
jobs:
  report:
    task: acme.tasks.report
""",
        is_project=True,
    ),
    "E130": Code(
        "too many mistakes in one file",
        """\
After 1,000 mistakes the others of the same file are not shown.
""",
    ),
}
