"""Pages that are followed for real: each file is written, each command typed, each line seen."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jobrunner.embedded.children import Supervisor
from tests.docs.pages import DOCS, ROOT, Block, blocks_of, typed
from tests.project import Project, StartedProcess, open_project
from tests.waiting import wait_until

EACH_TIME_ANOTHER = {
    "time": r"\b\d\d:\d\d(?::\d\d)?\b",
    "date": r"\b[A-Z][a-z]{2} \d{1,2} [A-Z][a-z]{2}(?: \d{4})?\b",
    "moment": r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "zone": r"\bCES?T\b",
    "duration": r"\b\d[\d.]* m?s\b",
    "column": r" +",
}
"""What is otherwise each time and in each terminal: how it looks here is how it looks there."""
RUN_ID = r"\b[0-9a-f]{8}\b"
_TOKEN = re.compile("|".join(f"(?P<{name}>{looks})" for name, looks in EACH_TIME_ANOTHER.items()))


@dataclass
class Reader:
    """Somebody who follows the page in two terminals."""

    project: Project
    up: StartedProcess | None = None
    """What goes on in the first one."""
    run_ids: dict[str, str] = field(default_factory=dict)
    """Those that are here, by those that stand on the page."""

    def follow(self, block: Block) -> None:
        match block.language:
            case "console":
                for command, shown in commands_with_output(block):
                    self.type(command, shown)
            case "text":
                self.watch(block.text.splitlines())
            case "yaml" | "python" if named := re.match(r"# (\S+/\S+)\n", block.text):
                (self.project.path / named[1]).write_text(block.text, "utf-8")

    def type(self, command: str, shown: list[str]) -> None:
        if command.startswith("cd "):
            self.project.path /= command.removeprefix("cd ")
        elif command == "jobrunner up":
            self.up = self.project.start_program(*command.split())
            self.watch(shown)
        else:
            self.compare(shown, self.done(command).stdout)

    def done(self, command: str) -> subprocess.CompletedProcess[str]:
        """The command, once it has ended, with both streams as one."""
        return subprocess.run(
            ["bash", "-c", self.as_here(command)],
            cwd=self.project.path,
            env=self.project.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )

    def compare(self, shown: list[str], output: str) -> None:
        """All of it: what is left out stands as a line of its own, `…`."""
        wanted = "".join(
            r"(?:.*\n)*?" if line.strip() == "…" else pattern_of(self.as_here(line)) + r"\n"
            for line in shown
        )
        found = re.fullmatch(wanted, output)
        assert found, "\n".join(["The page shows", *shown, "", "and here it is", output])
        self.run_ids |= {name[2:]: value for name, value in found.groupdict().items()}

    def watch(self, shown: list[str]) -> None:
        """Each line comes; others may stand between them."""
        for line in shown:
            if line.strip() not in {"", "…"}:
                self.wait_for(line)

    def wait_for(self, line: str) -> None:
        pattern, up = re.compile(pattern_of(line)), self.up
        assert up is not None
        try:
            wait_until(lambda: any(map(pattern.fullmatch, up.lines)), timeout_seconds=60.0)
        except AssertionError as error:
            raise AssertionError(f"no line {line!r} in\n{up.output}") from error

    def as_here(self, text: str) -> str:
        for on_page, here in self.run_ids.items():
            text = text.replace(on_page, here)
        return text


def test_the_tutorial_shows_what_happens(supervisor: Supervisor) -> None:
    with open_project(supervisor, "", "") as project:
        reader = Reader(project)
        for block in blocks_of(DOCS / "tutorial.md"):
            reader.follow(block)
        assert reader.up is not None
        reader.up.interrupt()
        assert reader.up.wait() == 130


def test_the_commands_of_the_readme_do_what_they_are_shown_for(supervisor: Supervisor) -> None:
    with open_project(supervisor, "", "") as project:
        copy_demo(project.path)
        shown = [*blocks_of(ROOT / "README.md")]
        project.write(
            "jobs.d/readme.yaml", next(one.text for one in shown if one.language == "yaml")
        )
        project.write("reports/tasks.py", "def build_report(region: str) -> None: ...\n")
        up = project.start("up", "-c", "1", "--no-web")
        up.wait_for_line("● ops/disk-report", timeout_seconds=60.0)
        reader = Reader(project, run_ids={"3f1c": newest_run_id(project)})
        commands = [command for one in shown for command in typed(one) if ends(command)]
        assert len(commands) >= 12
        ended = [reader.done(command) for command in commands]
        wrong = [f"{one.args[2]}\n{one.stdout}" for one in ended if one.returncode != 0]
        assert not wrong, "\n".join(wrong)


def test_the_nights_in_which_the_clock_changes_are_as_shown(supervisor: Supervisor) -> None:
    with open_project(supervisor, "", "") as project:
        reader = Reader(project)
        for block in blocks_of(DOCS / "explanation" / "clock-changes.md"):
            reader.follow(block)


def test_the_tests_of_jobs_that_are_shown_pass(supervisor: Supervisor) -> None:
    shown = [
        block
        for block in blocks_of(DOCS / "how-to" / "testing-jobs.md")
        if block.language == "python"
    ]
    with open_project(supervisor, "", "") as project:
        project.call("init")
        for number, block in enumerate(shown):
            project.write(f"test_shown_{number}.py", block.text)
        tested = project.start_program("python", "-m", "pytest", "-q", "--rootdir=.")
        assert tested.wait(timeout_seconds=60.0) == 0, tested.output
        assert "3 passed" in tested.output


def copy_demo(folder: Path) -> None:
    """What `make up` runs, without the allow-list."""
    for name in ("jobs.d", "examples/demo"):
        shutil.copytree(ROOT / name, folder / name)


def newest_run_id(project: Project) -> str:
    (run,) = json.loads(project.call("runs", "list", "-n", "1", "-o", "json").stdout)
    return str(run["id"])


def ends(command: str) -> bool:
    """The others go on until somebody ends them, are about the checkout, or begin another project."""
    words = command.split()
    return words[0] == "jobrunner" and words[1] not in {"init", "watch", "beat", "worker", "web"}


def commands_with_output(block: Block) -> Iterator[tuple[str, list[str]]]:
    """What is typed after each `$`, and the lines below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def pattern_of(line: str) -> str:
    """A line of the page as the lines that it stands for."""
    pattern, at = "", 0
    for found in _TOKEN.finditer(line):
        pattern += literal(line[at : found.start()]) + EACH_TIME_ANOTHER[str(found.lastgroup)]
        at = found.end()
    return pattern + literal(line[at:])


def literal(text: str) -> str:
    """Itself, but for `…` and for a run's id, which gets a name."""
    return re.sub(RUN_ID, r"(?P<id\g<0>>[0-9a-f]{8})", re.escape(text).replace("…", ".*"))
