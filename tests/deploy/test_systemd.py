"""deploy/systemd: systemd itself finds no fault with the units, and they start what there is."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from jobrunner.settings import PART_NAMES, Settings
from tests.cli.calling import call
from tests.deploy.compose import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "systemd"
PROGRAM = "/opt/jobrunner/bin/jobrunner"
COMMON = "jobrunner-.service.d/common.conf"
UNITS = sorted(file.name for file in FOLDER.glob("*.service"))
STARTED = (
    "jobrunner.target",
    "jobrunner-migrate.service",
    "jobrunner-beat@1.service",
    "jobrunner-worker@default.service",
    "jobrunner-watch.service",
    "jobrunner-web.service",
)


def lines_of(name: str) -> list[tuple[str, str]]:
    """Every key with its value, in their order."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE)


def values_of(name: str, key: str) -> list[str]:
    return [value for found, value in lines_of(name) if found == key]


def commands_of(name: str) -> list[list[str]]:
    """What it runs, for an instance `x`, without what an administrator adds."""
    lines = values_of(name, "ExecStartPre") + values_of(name, "ExecStart")
    return [[word.replace("%i", "x") for word in line.split() if word[0] != "$"] for line in lines]


def verify(folder: Path, *, broken: str = "") -> "subprocess.CompletedProcess[str]":
    """What systemd itself says of the units as they would be installed, but for the program's place."""
    if shutil.which("systemd-analyze") is None:
        pytest.exit("systemd-analyze is not installed. apt-get install systemd", returncode=1)
    shutil.copytree(FOLDER, folder)
    for unit in UNITS:
        text = (folder / unit).read_text(encoding="utf-8")
        (folder / unit).write_text(text.replace(PROGRAM, "/bin/true"), encoding="utf-8")
    with (folder / COMMON).open("a", encoding="utf-8") as file:
        file.write(broken)
    return subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *STARTED],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:/lib/systemd/system", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.system
def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    verified = verify(tmp_path / "units")
    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.system
def test_systemd_reads_what_the_units_have_in_common(tmp_path: Path) -> None:
    told = verify(tmp_path / "units", broken="Bogus=1\n").stderr
    assert told.count(f"{COMMON}:") == len(UNITS)


def test_the_units_are_those_of_the_design() -> None:
    assert UNITS == [
        "jobrunner-beat@.service",
        "jobrunner-migrate.service",
        "jobrunner-watch.service",
        "jobrunner-web.service",
        "jobrunner-worker@.service",
    ]


@pytest.mark.parametrize("unit", UNITS)
def test_each_command_exists(unit: str) -> None:
    for program, *arguments in commands_of(unit):
        assert program == PROGRAM
        assert call(*arguments, "--help").exit_code == 0


@pytest.mark.parametrize("unit", UNITS)
def test_each_waits_for_its_servers_within_the_time_it_has_to_start(unit: str) -> None:
    assert commands_of(unit)[0][1] == "wait"
    assert commands_of(unit)[0][-2:] == ["--timeout", "5m"]
    assert int(values_of(unit, "TimeoutStartSec")[0].removesuffix("min")) > 5


@pytest.mark.parametrize("name", [*UNITS, COMMON])
def test_each_variable_is_a_setting(name: str) -> None:
    told = " ".join(values_of(name, "Environment"))
    given = {found.removesuffix("_FILE") for found in re.findall(r"\b([A-Z_]+)=", told)}
    known = {f"JOBRUNNER_{field.upper()}" for field in Settings.model_fields} | set(PART_NAMES)
    assert given - {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "WORKER_OPTIONS"} <= known


def test_a_worker_has_five_seconds_more_than_its_grace() -> None:
    unit = "jobrunner-worker@.service"
    grace = re.search(r"JOBRUNNER_WORKER_GRACE_SECONDS=(\d+)", values_of(unit, "Environment")[0])
    assert grace is not None
    assert int(values_of(unit, "TimeoutStopSec")[0]) >= int(grace[1]) + 5


def test_passwords_come_as_credentials() -> None:
    credentials = [value.partition(":")[0] for value in values_of(COMMON, "LoadCredential")]
    read = re.findall(r"_FILE=%d/(\w+)", " ".join(values_of(COMMON, "Environment")))
    assert sorted(credentials) == sorted(read) == ["broker_password", "database_password"]
