"""Whatever slip of the pen stands in a file with a sensitive argument, no message shows its value."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.calling import call

CANARY = "canary7Qx"
KEY = "sensitive: [password]"
JOBS = f"""\
namespace: demo
jobs:
  tell:
    task: acme.tell
    timeout: 5m
    kwargs:
      region: eu
      password: {CANARY}
      more: [1, 2]
    {KEY}
    schedules:
      yearly: {{cron: "0 5 1 1 *", kwargs: {{password: '{CANARY}'}}}}
  flow: {{task: acme.tell, kwargs: {{password: ["{CANARY}"], more: 1}}, {KEY}, queue: low}}
  block:
    task: acme.tell
    {KEY}
    kwargs:
      password: |
        {CANARY}
        and more
"""
TASKS = "def tell(region='', password='', more=(), *, other=0): pass\n"

# Slips go between and into the words around them.
FIXED = (CANARY, KEY)
PLACES = [
    place
    for place in range(len(JOBS))
    if not any(word in JOBS[max(0, place - len(word) + 1) : place + len(word)] for word in FIXED)
]
SLIPS = st.sampled_from(
    ["", *" \t:'\"{}[],&*!|>%@`#-?\n=0x\x00$~<", "  ", ": ", "\n  ", "- ", "${", "010", "<<: ", "\xa0"]
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobrunner.yaml").write_text("project: x\nallow: {tasks: ['acme.*']}\n", "utf-8")
    (tmp_path / "acme.py").write_text(TASKS, "utf-8")
    (tmp_path / "jobs.d").mkdir()
    return tmp_path


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), slip=SLIPS, taken=st.integers(0, 1))
def test_fault_85_no_slip_of_the_pen_shows_a_sensitive_value(
    folder: Path, place: int, slip: str, taken: int
) -> None:
    slipped = JOBS[:place] + slip + JOBS[place + taken :]
    (folder / "jobs.d" / "a.yaml").write_text(slipped, "utf-8")
    told = call("validate", "--format", "json", folder=folder)
    assert CANARY not in told.stdout + told.stderr
