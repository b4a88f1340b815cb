"""One large file as two, where its text shows that both together say the same."""

import re
from dataclasses import replace

from jobrunner.spec.yaml import SourceFile

_TOP_LINE = re.compile(rb"^[^ #\r\n][^\r\n]*", re.MULTILINE)
_ABOVE_THE_JOBS = re.compile(rb"(version|namespace|defaults|templates):|x-")
_JOBS = re.compile(rb"jobs:[ \t]*(#.*)?")
_FIRST_KEY = re.compile(rb"\n(?P<indent> +)(?=[^ #\r\n])")
_OTHER_LINE_BREAKS = re.compile("\r(?!\n)|\x85|\u2028|\u2029".encode())
"""YAML's, beside `\\n` and `\\r\\n`."""


def halves(file: SourceFile, *, near: int) -> tuple[SourceFile, SourceFile] | None:
    """The file up to the first job that begins at or after the byte `near`, and the file without the jobs
    before that one, whose lines are left empty: both have each job at its own line. None where that is not
    certain.

    For a file that ends with its jobs, one below the other, with nothing above them but what all jobs of
    the file share, and without a matrix, as those of a file are counted. A line at the column of the job
    names begins a job then; or it stands within quotes or brackets, which the first half opens and does not
    close. So: where either half has a mistake, or both have the same job, only the whole file can tell what
    it says.
    """
    content = file.content
    tops = list(_TOP_LINE.finditer(content))
    if not tops or not _JOBS.fullmatch(tops[-1][0]):
        return None
    if _OTHER_LINE_BREAKS.search(content) or b"matrix" in content:
        return None
    if not all(_ABOVE_THE_JOBS.match(top[0]) for top in tops[:-1]):
        return None
    jobs_begin = tops[-1].end()
    first = _FIRST_KEY.search(content, jobs_begin)
    if first is None:
        return None
    next_key = re.compile(rb"\n%s(?=[^ #\r\n?-])" % first["indent"])
    found = next_key.search(content, max(near, first.end()))
    if found is None:
        return None
    cut = found.start() + 1
    left_out = b"\n" * content.count(b"\n", jobs_begin, cut)
    return (
        replace(file, content=content[:cut]),
        replace(file, content=content[:jobs_begin] + left_out + content[cut:]),
    )
