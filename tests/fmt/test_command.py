"""`jobrunner fmt`: what is written, what is only told, and the exit codes."""

import io
import stat
from pathlib import Path

import pytest

from jobrunner.cli.main import run
from jobrunner.cli.output import Output
from jobrunner.cli.session import Session
from tests.cli.calling import Called, call

UNTIDY = "jobs:\n    a: { task: 'a.b' }   # said\n"
TIDY = "jobs:\n  a: {task: a.b}   # said\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_text(UNTIDY, encoding="utf-8")
    (tmp_path / "jobs.d" / "b.yaml").write_text(TIDY, encoding="utf-8")
    (tmp_path / "jobrunner.yaml").write_text("version:   1\n", encoding="utf-8")
    return tmp_path


def read(folder: Path, name: str = "jobs.d/a.yaml") -> str:
    return (folder / name).read_text("utf-8")


def fmt_bytes(content: bytes, *options: str) -> Called:
    """`jobrunner fmt -` with stdin as a process has it: bytes below a text."""
    out, err = io.StringIO(), io.StringIO()
    stdin = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", errors="surrogateescape")
    session = Session(Output(out, err, {}), {}, Path("/nonexistent"), stdin)
    return Called(run(("fmt", "-", *options), session), out.getvalue(), err.getvalue())


def test_the_files_of_the_project_are_written_anew(folder: Path) -> None:
    called = call("fmt", folder=folder)
    assert (called.exit_code, called.stderr) == (0, "")
    assert called.stdout == "~ jobrunner.yaml\n~ jobs.d/a.yaml\n● 2 files of 3 written anew.\n"
    assert (read(folder), read(folder, "jobrunner.yaml")) == (TIDY, "version: 1\n")
    assert call("fmt", folder=folder).stdout == "● 3 files: nothing to change.\n"


def test_check_writes_nothing_and_names_the_files(folder: Path) -> None:
    called = call("fmt", "--check", folder=folder)
    assert called.exit_code == 1
    assert called.stdout.splitlines()[1:] == [
        "~ jobs.d/a.yaml",
        "○ 2 files of 3 would be written anew.",
    ]
    assert read(folder) == UNTIDY
    call("fmt", folder=folder)
    assert call("fmt", "--check", folder=folder).exit_code == 0


def test_diff_writes_nothing_and_shows_the_lines(folder: Path) -> None:
    called = call("fmt", "--diff", "jobs.d", folder=folder)
    assert called.exit_code == 0
    assert called.stdout.splitlines() == [
        "--- jobs.d/a.yaml",
        "+++ jobs.d/a.yaml",
        "@@ -1,2 +1,2 @@",
        " jobs:",
        "-    a: { task: 'a.b' }   # said",
        "+  a: {task: a.b}   # said",
    ]
    assert read(folder) == UNTIDY


def test_a_diff_tells_that_the_last_line_has_not_ended(folder: Path) -> None:
    (folder / "jobs.d" / "a.yaml").write_text(TIDY.removesuffix("\n"), encoding="utf-8")
    assert call("fmt", "--diff", "jobs.d/a.yaml", folder=folder).stdout.splitlines()[3:] == [
        " jobs:",
        "-  a: {task: a.b}   # said",
        "\\ No newline at end of file",
        "+  a: {task: a.b}   # said",
    ]


def test_a_diff_is_coloured_on_a_terminal(folder: Path) -> None:
    told = call("fmt", "--diff", "jobs.d/a.yaml", folder=folder, terminal=True).stdout
    assert "\x1b[32m+  a: {task: a.b}   # said\x1b[0m\n" in told


def test_a_path_is_a_file_and_leaves_the_others_alone(folder: Path) -> None:
    assert call("fmt", "jobs.d/a.yaml", folder=folder).stdout.startswith(
        "~ jobs.d/a.yaml\n● 1 file of 1 "
    )
    assert read(folder, "jobrunner.yaml") == "version:   1\n"


def test_the_project_file_can_be_named(folder: Path) -> None:
    assert call("fmt", "jobrunner.yaml", folder=folder).stdout.startswith(
        "~ jobrunner.yaml\n● 1 file of 1 "
    )


def test_a_folder_with_a_project_file_is_the_project(folder: Path) -> None:
    (folder / "compose.yaml").write_text("a:   1\n", encoding="utf-8")
    call("fmt", str(folder), folder=folder.parent)
    assert (read(folder), read(folder, "compose.yaml")) == (TIDY, "a:   1\n")


def test_a_path_that_is_not_there_is_said_so(folder: Path) -> None:
    called = call("fmt", "nothing.yaml", folder=folder)
    assert called.exit_code == 1
    assert "There is no file or folder nothing.yaml." in called.stderr


def test_a_file_with_a_mistake_is_left_alone_and_the_others_are_not(folder: Path) -> None:
    (folder / "jobs.d" / "b.yaml").write_text("jobs:\n    a: 1\n    a: 2\n", encoding="utf-8")
    called = call("fmt", folder=folder)
    assert called.exit_code == 1
    assert "error[E105]" in called.stderr
    assert "jobs.d/b.yaml:3:5" in called.stderr
    assert (read(folder), read(folder, "jobs.d/b.yaml")) == (TIDY, "jobs:\n    a: 1\n    a: 2\n")


def test_a_key_that_is_unknown_does_not_matter(folder: Path) -> None:
    (folder / "jobs.d" / "a.yaml").write_text("wrong:   1\n", encoding="utf-8")
    assert call("fmt", folder=folder).exit_code == 0
    assert read(folder) == "wrong: 1\n"


def test_a_file_that_cannot_be_formatted_is_named_and_no_failure(folder: Path) -> None:
    (folder / "jobs.d" / "b.yaml").write_text("%YAML 1.2\n---\njobs:   {}\n", encoding="utf-8")
    called = call("fmt", "--check", "jobs.d/b.yaml", folder=folder)
    assert called.exit_code == 0
    assert "warning: jobs.d/b.yaml is left as it is: it has a directive" in called.stderr


def test_stdin_goes_to_stdout(folder: Path) -> None:
    called = call("fmt", "-", folder=folder, answer=UNTIDY)
    assert (called.exit_code, called.stdout, called.stderr) == (0, TIDY, "")
    assert read(folder) == UNTIDY


def test_stdin_with_a_mistake_goes_to_stdout_as_it_is(folder: Path) -> None:
    called = call("fmt", "-", folder=folder, answer="a: 1\na:   2\n")
    assert (called.exit_code, called.stdout) == (1, "a: 1\na:   2\n")
    assert "stdin:2:1" in called.stderr


def test_stdin_that_is_no_utf_8_is_a_mistake_with_its_place(folder: Path) -> None:
    latin = b"jobs:\n  a: {task: caf\xe9}\n"
    (folder / "jobs.d" / "a.yaml").write_bytes(latin)
    in_file = call("fmt", "jobs.d/a.yaml", folder=folder)
    called = fmt_bytes(latin)
    assert (called.exit_code, called.stdout) == (1, "")
    assert "error[E101]" in called.stderr
    assert "stdin:2:16" in called.stderr
    mistake = called.stderr.replace("stdin:", "jobs.d/a.yaml:")
    assert mistake.splitlines()[:4] == in_file.stderr.splitlines()[:4]


def test_stdin_with_a_byte_order_mark_or_other_line_ends_is_formatted() -> None:
    content = ("\ufeff" + UNTIDY.replace("\n", "\r\n")).encode()
    assert fmt_bytes(content) == Called(0, TIDY, "")


def test_check_of_stdin_says_what_it_says_of_a_file() -> None:
    called = call("fmt", "-", "--check", answer=UNTIDY)
    told = "~ stdin\n○ 1 file of 1 would be written anew.\n"
    assert (called.exit_code, called.stdout, called.stderr) == (1, told, "")
    called = call("fmt", "-", "--check", answer=TIDY)
    assert (called.exit_code, called.stdout) == (0, "● 1 file: nothing to change.\n")


def test_diff_of_stdin_shows_the_lines(folder: Path) -> None:
    called = call("fmt", "-", "--diff", answer=UNTIDY)
    in_file = call("fmt", "jobs.d/a.yaml", "--diff", folder=folder)
    assert called.exit_code == 0
    assert called.stdout == in_file.stdout.replace("jobs.d/a.yaml", "stdin")
    assert call("fmt", "-", "--diff", "--check", answer=UNTIDY).exit_code == 1


def test_check_of_stdin_with_a_mistake_writes_no_text() -> None:
    called = call("fmt", "-", "--check", answer="a: 1\na:   2\n")
    assert called.exit_code == 1
    assert "a: 1" not in called.stdout
    assert "stdin:2:1" in called.stderr


def test_stdin_stands_alone(folder: Path) -> None:
    assert call("fmt", "-", "jobs.d", folder=folder).exit_code == 64


def test_a_written_file_keeps_its_mode_and_a_link_stays_a_link(folder: Path) -> None:
    real, link = folder / "real.yaml", folder / "jobs.d" / "a.yaml"
    link.rename(real)
    link.symlink_to(real)
    real.chmod(0o640)
    call("fmt", folder=folder)
    assert link.is_symlink()
    assert (real.read_text("utf-8"), stat.S_IMODE(real.stat().st_mode)) == (TIDY, 0o640)


def test_nothing_is_left_beside_a_written_file(folder: Path) -> None:
    call("fmt", folder=folder)
    assert sorted(path.name for path in (folder / "jobs.d").iterdir()) == ["a.yaml", "b.yaml"]
