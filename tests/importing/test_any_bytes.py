"""Whatever a crontab holds: no traceback, each line accounted for, and what is written can be read."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from jobrunner.importing.entries import Job, Left, Remark
from tests.importing.reading import cron_entries, read_back, result_of

FIELD = st.sampled_from(
    ["*", "0", "5", "*/7", "1-5", "1,3", "sun", "jan", "0~9", "60", "x", "", "1-", "-"]
)
TIME = st.one_of(
    st.lists(FIELD, min_size=5, max_size=5).map(" ".join),
    st.sampled_from(["@daily", "@reboot", "@x"]),
)
COMMAND = st.one_of(
    st.text(max_size=30), st.sampled_from(["a%b%c", "flock -n l a", "timeout 5 a", "$${a}"])
)
LINE = st.one_of(
    st.binary(max_size=40),
    st.tuples(TIME, COMMAND).map(lambda parts: " ".join(parts).encode()),
    st.tuples(st.text(max_size=8), st.text(max_size=8)).map(lambda parts: "=".join(parts).encode()),
    st.sampled_from(
        [b"", b"# said", b"CRON_TZ=Europe/Paris", b"MAILTO=a", b"SHELL=/bin/bash", b"A=1"]
    ),
)
CRONTAB = st.lists(LINE, max_size=6).map(b"\n".join)
ASSIGNMENT = re.compile(rb"(\"[^\"]*\"|'[^']*'|[^\s=]+)\s*=")


@settings(deadline=None)
@given(CRONTAB)
def test_any_bytes_are_written_so_that_they_can_be_read(content: bytes) -> None:
    result = result_of(cron_entries(content))
    assert len(read_back(result)) == len(result.jobs)


@settings(deadline=None)
@given(CRONTAB)
def test_any_line_is_in_the_report_or_holds_for_those_below(content: bytes) -> None:
    entries = cron_entries(content)
    told = {entry.where for entry in entries if isinstance(entry, Job | Left)}
    for number, line in enumerate(content.split(b"\n"), start=1):
        text = line.strip(b" \t\r")
        is_told = f"crontab:{number}" in told
        assert is_told or not text or ASSIGNMENT.match(text) or text.startswith(b"#")


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)))
def test_any_comment_is_kept(comments: list[str]) -> None:
    entries = cron_entries("\n".join(f"# a{comment}" for comment in comments))
    kept = [entry.text for entry in entries if isinstance(entry, Remark)]
    assert kept == [f"a{comment}" for comment in comments]


@settings(deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="%\ufffd"))
)
def test_any_command_reaches_the_shell_as_it_was(command: str) -> None:
    (job,) = read_back(result_of(cron_entries(f"@daily ( {command}"))).values()
    assert job.command == ("/bin/sh", "-c", f"( {command}".strip(" "))
