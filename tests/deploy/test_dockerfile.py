"""The image, as far as it can be judged without building it."""

import json
import re
import shlex
from dataclasses import dataclass

from tests.deploy.compose import REPOSITORY


@dataclass(frozen=True)
class Instruction:
    """One, with its lines joined."""

    word: str
    rest: str


def read_stages() -> list[list[Instruction]]:
    """The instructions of each stage, its FROM first; what stands before the first one has no stage."""
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    found = [Instruction(*line.split(maxsplit=1)) for line in lines if line.strip()]
    starts = [index for index, one in enumerate(found) if one.word == "FROM"]
    return [found[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


BUILD, FINAL = read_stages()


def rests(stage: list[Instruction], word: str) -> list[str]:
    return [one.rest for one in stage if one.word == word]


def test_every_word_is_an_instruction() -> None:
    known = {"FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {one.word for one in BUILD + FINAL} <= known


def test_both_stages_begin_with_one_base_which_a_digest_can_pin() -> None:
    assert (rests(BUILD, "FROM"), rests(FINAL, "FROM")) == (["${PYTHON} AS build"], ["${PYTHON}"])
    text = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG PYTHON=python:3\.\d+-slim$", text, re.MULTILINE)


def test_what_runs_comes_from_the_first_stage_alone() -> None:
    assert rests(FINAL, "COPY") == ["--from=build /opt/jobrunner /opt/jobrunner"]


def test_it_does_not_run_as_root_whoever_asks_by_number() -> None:
    user = rests(FINAL, "USER")[-1]
    assert int(user) > 0
    assert any(f"--uid {user} " in run for run in rests(FINAL, "RUN"))


def test_nothing_is_done_after_the_user_is_changed() -> None:
    after = [one.word for one in FINAL][[one.word for one in FINAL].index("USER") + 1 :]
    assert after == ["HEALTHCHECK", "ENTRYPOINT", "CMD"]


def test_programs_are_started_without_a_shell() -> None:
    for word in ("ENTRYPOINT", "CMD"):
        assert json.loads(rests(FINAL, word)[0])
    assert json.loads(rests(FINAL, "HEALTHCHECK")[0].partition("CMD ")[2])[0] == "jobrunner"


def test_it_is_built_from_the_lock_by_hash() -> None:
    installs = [run for run in rests(BUILD, "RUN") if "pip install" in run]
    assert (
        "--no-deps --require-hashes --only-binary :all: --requirement requirements/up.txt"
        in (installs[0])
    )
    assert "--no-deps --no-build-isolation ." in installs[1]


def test_nothing_is_fetched_but_by_the_lock() -> None:
    words = [word for run in rests(BUILD + FINAL, "RUN") for word in shlex.split(run)]
    assert {"apt-get", "curl", "wget", "sudo"} & set(words) == set()
    assert rests(BUILD + FINAL, "ADD") == []


def test_what_is_taken_out_again_is_in_the_lock() -> None:
    lock = (REPOSITORY / "requirements" / "up.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    removed = rests(BUILD, "RUN")[-1].partition("uninstall --yes ")[2].split()
    assert set(removed) - pinned == {"pip"}
