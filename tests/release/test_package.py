"""What is released, away from the checkout: the wheel and the sdist, installed where nothing of ours is."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jobrunner.embedded.children import Supervisor
from tests.project import Project, open_project
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


def build(folder: Path, source: Path, kind: str) -> Path:
    """The one file that hatchling makes of `source`; nothing is fetched for it."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"), ROOT, "wheel")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("sdist"), ROOT, "sdist")


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as opened:
        return {name for name in opened.namelist() if ".dist-info/" not in name}


def tracked(folder: str) -> set[str]:
    """The files below it that git has, and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()}


def test_the_wheel_has_each_file_of_the_package_and_the_migrations_and_nothing_else(
    wheel: Path,
) -> None:
    migrations = {
        name.replace("alembic/", "jobrunner/_migrations/", 1) for name in tracked("alembic")
    }
    assert names_in(wheel) == tracked("jobrunner") | migrations


def test_the_sdist_makes_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as opened:
        opened.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    assert names_in(build(tmp_path / "wheel", unpacked, "wheel")) == names_in(wheel)


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and with the libraries that this one has."""
    made = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made)], check=True)
    python = made / "bin" / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--no-input"),
            *("install", "--no-deps", "--no-index", str(wheel)),
        ],
        check=True,
        env={**os.environ, "PIP_USER": "0"},
    )
    # A folder that a .pth file names is searched, but its own .pth files are not read: the
    # checkout, which this environment has as an editable install, is not among them.
    (libraries,) = made.glob("lib/python*/site-packages")
    (libraries / "libraries.pth").write_text(sysconfig.get_path("purelib"))
    return made


@pytest.fixture
def empty_folder(environment: Path, supervisor: Supervisor) -> Iterator[Project]:
    with open_project(supervisor, "", "") as project:
        del project.environment["JOBRUNNER_DATABASE_URL"]
        del project.environment["JOBRUNNER_BROKER_URL"]
        project.environment.pop("PYTHONPATH", None)
        project.environment["PATH"] = f"{environment / 'bin'}:/usr/bin:/bin"
        yield project


def jobrunner(project: Project, *arguments: str) -> str:
    """The output of the installed command."""
    program = Path(project.environment["PATH"].partition(":")[0]) / "jobrunner"
    return subprocess.run(
        [str(program), *arguments],
        cwd=project.path,
        env=project.environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def answers(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(address) as answer:  # noqa: S310  our own
        return bool(answer.status == 200)
    return False


def test_up_works_in_an_empty_folder_and_takes_up_what_init_writes(
    empty_folder: Project, environment: Path
) -> None:
    up = empty_folder.start_program(str(environment / "bin" / "jobrunner"), "up", "-c", "1")
    pages = up.wait_for_line("pages").split()[-1]
    up.wait_for_line("no job yet; `jobrunner init` writes a first one", timeout_seconds=60)
    jobrunner(empty_folder, "init")
    up.wait_for_line("applied as revision 1", timeout_seconds=60)
    (job,) = json.loads(jobrunner(empty_folder, "list", "-o", "json"))
    jobrunner(empty_folder, "run", job["address"], "--wait")
    wait_until(lambda: answers(f"{pages}/sign-in"))
    assert "No changes" in jobrunner(empty_folder, "plan")


def test_the_installed_package_is_the_one_of_the_wheel(environment: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [str(environment / "bin" / "python"), "-c", "import jobrunner; print(jobrunner.__file__)"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert Path(where).is_relative_to(environment)
