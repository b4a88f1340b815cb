"""Finding and reading the files of a project, on a real file system."""

import os
import socket
from pathlib import Path

import pytest

from jobrunner.files import ProjectFiles, read_project
from jobrunner.spec.parse import parse_project

JOB = "jobs: {a: {task: m.f}}\n"


def write(root: Path, path: str, text: str = JOB) -> Path:
    whole = root / path
    whole.parent.mkdir(parents=True, exist_ok=True)
    whole.write_text(text, "utf-8")
    return whole


def read(root: Path, config: Path | None = None) -> ProjectFiles:
    return read_project(config=config, working_directory=root)


def paths(found: ProjectFiles) -> list[str]:
    return [file.path for file in found.files]


def refused(found: ProjectFiles) -> list[tuple[str, str]]:
    return [(diagnostic.code, diagnostic.location.file) for diagnostic in found.diagnostics]


def test_without_a_project_file_the_working_directory_is_the_root(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/b.yaml")
    write(tmp_path, "jobs.d/deep/er/a.yml")
    write(tmp_path, "other/c.yaml")
    write(tmp_path, "jobs.d/notes.txt")
    found = read(tmp_path)
    assert (found.root, found.config, paths(found)) == (
        tmp_path,
        None,
        ["jobs.d/b.yaml", "jobs.d/deep/er/a.yml"],
    )


def test_the_project_file_is_looked_for_in_the_folders_above(tmp_path: Path) -> None:
    write(tmp_path, "jobrunner.yaml", "project: acme\n")
    write(tmp_path, "jobs.d/a.yaml")
    below = tmp_path / "src" / "acme"
    below.mkdir(parents=True)
    found = read(below)
    assert found.config is not None
    assert (found.root, found.config.path, paths(found)) == (
        tmp_path,
        "jobrunner.yaml",
        ["jobs.d/a.yaml"],
    )


def test_a_named_project_file_is_taken_from_the_working_directory(tmp_path: Path) -> None:
    write(tmp_path, "conf/prod.yaml", "include: ['*.jobs.yaml']\n")
    write(tmp_path, "conf/x.jobs.yaml")
    found = read(tmp_path, Path("conf/prod.yaml"))
    assert (found.root, paths(found)) == (tmp_path / "conf", ["x.jobs.yaml"])


def test_a_named_project_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    assert refused(read(tmp_path, Path("prod.yaml"))) == [("E124", "prod.yaml")]


def test_a_missing_working_directory_is_an_error(tmp_path: Path) -> None:
    assert refused(read(tmp_path / "gone")) == [("E124", ".")]


def test_the_project_file_is_no_job_file(tmp_path: Path) -> None:
    write(tmp_path, "jobrunner.yaml", "include: ['*.yaml']\n")
    write(tmp_path, "a.yaml")
    assert paths(read(tmp_path)) == ["a.yaml"]


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("*.yaml", ["a.yaml"]),
        ("**/*.yaml", ["a.yaml", "jobs/b.yaml", "jobs/x/c.yaml"]),
        ("**/**/*.yaml", ["a.yaml", "jobs/b.yaml", "jobs/x/c.yaml"]),
        ("jobs/*.yaml", ["jobs/b.yaml"]),
        ("jobs/**", ["jobs/b.yaml", "jobs/x/c.yaml", "jobs/x/d.txt"]),
        ("j?bs/[x-z]/*", ["jobs/x/c.yaml", "jobs/x/d.txt"]),
        ("jobs/x/c.yaml", ["jobs/x/c.yaml"]),
        (".hidden/*.yaml", [".hidden/e.yaml"]),
        ("./a.yaml", ["a.yaml"]),
        ("nothing/*.yaml", []),
    ],
)
def test_patterns_match_by_part_and_no_hidden_name_by_a_wildcard(
    tmp_path: Path, pattern: str, matched: list[str]
) -> None:
    write(tmp_path, "a.yaml")
    write(tmp_path, "jobs/b.yaml")
    write(tmp_path, "jobs/x/c.yaml")
    write(tmp_path, "jobs/x/d.txt")
    write(tmp_path, ".hidden/e.yaml")
    write(tmp_path, "jobs/.f.yaml")
    write(tmp_path, "conf.yml", f"include: ['{pattern}']\n")
    assert paths(read(tmp_path, Path("conf.yml"))) == matched


def test_overlapping_patterns_read_a_file_once(tmp_path: Path) -> None:
    write(tmp_path, "conf.yml", "include: ['a.yaml', '*.yaml']\n")
    write(tmp_path, "a.yaml")
    assert paths(read(tmp_path, Path("conf.yml"))) == ["a.yaml"]


def test_a_mounted_config_map_is_read_once_and_by_its_plain_names(tmp_path: Path) -> None:
    mount = tmp_path / "jobs.d"
    write(tmp_path, "jobs.d/..2026_11_21/a.yaml")
    (mount / "..data").symlink_to("..2026_11_21")
    (mount / "a.yaml").symlink_to("..data/a.yaml")
    found = read(tmp_path)
    assert (paths(found), found.diagnostics) == (["jobs.d/a.yaml"], ())


def test_fault_56_a_link_swapped_while_reading_gives_one_of_both_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("old", "new"):
        write(tmp_path, f"jobs.d/.{version}/a.yaml", f"# {version}\n")
        write(tmp_path, f"jobs.d/.{version}/b.yaml", f"# {version}\n")
    data = tmp_path / "jobs.d" / "..data"
    data.symlink_to(".old")
    (tmp_path / "jobs.d" / "a.yaml").symlink_to("..data/a.yaml")
    (tmp_path / "jobs.d" / "b.yaml").symlink_to("..data/b.yaml")
    opened = os.open

    def swap_then_open(path: Path, flags: int) -> int:
        descriptor = opened(path, flags)
        data.unlink()
        data.symlink_to(".new")
        return descriptor

    monkeypatch.setattr("jobrunner.files.os.open", swap_then_open)
    assert {file.content for file in read(tmp_path).files} == {b"# new\n"}


def test_a_root_behind_a_link_is_resolved_once(tmp_path: Path) -> None:
    write(tmp_path, "rev-1/jobs.d/a.yaml")
    (tmp_path / "current").symlink_to("rev-1")
    found = read(tmp_path / "current")
    assert (found.root, paths(found)) == (tmp_path / "rev-1", ["jobs.d/a.yaml"])


def test_fault_57_links_out_of_the_root_are_refused_and_named(tmp_path: Path) -> None:
    write(tmp_path, "secrets/a.yaml")
    root = tmp_path / "project"
    write(root, "jobs.d/good.yaml")
    (root / "jobs.d" / "file.yaml").symlink_to(tmp_path / "secrets" / "a.yaml")
    (root / "jobs.d" / "folder").symlink_to(tmp_path / "secrets")
    found = read(root)
    assert paths(found) == ["jobs.d/good.yaml"]
    assert refused(found) == [("E121", "jobs.d/file.yaml"), ("E121", "jobs.d/folder")]


def test_a_link_that_no_pattern_follows_is_nobodys_business(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(root, "jobs.d/good.yaml")
    (root / "venv").symlink_to("/usr")
    assert read(root).diagnostics == ()


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/a.yaml")
    (tmp_path / "jobs.d" / "again").symlink_to(".")
    (tmp_path / "jobs.d" / "self.yaml").symlink_to("self.yaml")
    found = read(tmp_path)
    assert paths(found) == ["jobs.d/a.yaml"]
    assert refused(found) == [("E120", "jobs.d/self.yaml")]


def test_fault_57_what_is_no_plain_file_is_refused_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "jobs.d"
    folder.mkdir()
    os.mkfifo(folder / "fifo.yaml")
    monkeypatch.chdir(folder)  # the path of a socket has to be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.yaml")
        found = read(tmp_path)
    assert refused(found) == [("E121", "jobs.d/fifo.yaml"), ("E121", "jobs.d/socket.yaml")]
    assert [d.message for d in found.diagnostics] == [
        "jobs.d/fifo.yaml is a FIFO, not a plain file",
        "jobs.d/socket.yaml is a socket, not a plain file",
    ]


def test_fault_57_a_device_behind_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "device.yaml").symlink_to("/dev/zero")
    found = read(tmp_path, Path("device.yaml"))
    assert refused(found) == [("E121", "device.yaml")]


def test_a_folder_named_as_the_project_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jobrunner.yaml").mkdir()
    assert refused(read(tmp_path)) == [("E121", "jobrunner.yaml")]


def test_fault_58_a_file_without_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "jobs.d/a.yaml")
    monkeypatch.setattr("jobrunner.files.os.open", refuse_permission)
    found = read(tmp_path)
    assert refused(found) == [("E120", "jobs.d/a.yaml")]
    assert found.diagnostics[0].message == "the file cannot be read: permission denied"


def test_a_file_that_vanishes_after_it_was_listed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "jobs.d/a.yaml")
    monkeypatch.setattr("jobrunner.files.os.open", find_nothing)
    found = read(tmp_path)
    assert (refused(found), found.files) == ([("E120", "jobs.d/a.yaml")], ())


def test_fault_59_a_file_over_five_megabytes_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/just.yaml", "#" * (5 * 1024 * 1024))
    write(tmp_path, "jobs.d/over.yaml", "#" * (5 * 1024 * 1024 + 1))
    found = read(tmp_path)
    assert (paths(found), refused(found)) == (["jobs.d/just.yaml"], [("E122", "jobs.d/over.yaml")])


def test_fault_59_a_tree_over_its_size_is_refused_before_anything_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobrunner.files.LARGEST_TREE_BYTES", 2 * len(JOB))
    write(tmp_path, "jobs.d/a.yaml")
    write(tmp_path, "jobs.d/b.yaml")
    write(tmp_path, "jobs.d/c.yaml")
    found = read(tmp_path)
    assert (found.files, refused(found)) == ((), [("E123", "jobs.d/c.yaml")])


def test_a_name_that_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/a\nb.yaml")
    (tmp_path / "jobs.d" / os.fsdecode(b"\xff.yaml")).write_text(JOB, "utf-8")
    assert refused(read(tmp_path)) == [("E121", "jobs.d/?.yaml"), ("E121", "jobs.d/a?b.yaml")]


def test_a_missing_folder_is_told_from_an_empty_one(tmp_path: Path) -> None:
    assert read(tmp_path).missing_folders == ("jobs.d",)
    (tmp_path / "jobs.d").mkdir()
    assert read(tmp_path).missing_folders == ()


def test_the_hash_changes_with_contents_and_names_and_with_nothing_else(tmp_path: Path) -> None:
    file = write(tmp_path, "jobs.d/a.yaml")
    before = read(tmp_path).content_hash
    os.utime(file, (0, 0))
    write(tmp_path, "notes.txt")
    assert read(tmp_path).content_hash == before
    file.rename(tmp_path / "jobs.d" / "b.yaml")
    renamed = read(tmp_path).content_hash
    write(tmp_path, "jobs.d/b.yaml", JOB + "#")
    assert len({before, renamed, read(tmp_path).content_hash}) == 3


def test_the_hash_changes_when_a_file_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/a.yaml")
    before = read(tmp_path).content_hash
    os.mkfifo(tmp_path / "jobs.d" / "b.yaml")
    assert read(tmp_path).content_hash != before


def test_a_broken_project_file_is_read_as_if_it_said_nothing(tmp_path: Path) -> None:
    write(tmp_path, "jobrunner.yaml", "include: [\n")
    write(tmp_path, "jobs.d/a.yaml")
    found = read(tmp_path)
    assert (paths(found), found.diagnostics) == (["jobs.d/a.yaml"], ())
    assert [d.code for d in parse_project(found.config, found.files).diagnostics] == ["E103"]


def refuse_permission(path: Path, flags: int) -> int:
    raise PermissionError(13, "Permission denied", str(path), flags)


def find_nothing(path: Path, flags: int) -> int:
    raise FileNotFoundError(2, "No such file or directory", str(path), flags)
