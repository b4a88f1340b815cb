"""The zone of a machine: from TZ, from what /etc/localtime links to, from /etc/timezone."""

from pathlib import Path

import pytest

from jobrunner.importing.machine_zone import machine_zone


@pytest.mark.parametrize("folder", ["", "posix/", "right/"])
def test_a_link_into_a_copy_of_the_zones_is_the_zone(tmp_path: Path, folder: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/localtime").symlink_to(f"/usr/share/zoneinfo/{folder}Europe/Berlin")
    assert machine_zone({}, tmp_path) == "Europe/Berlin"


def test_a_link_to_no_zone_leaves_it_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/localtime").symlink_to("/usr/share/zoneinfo/Factory")
    assert machine_zone({}, tmp_path) is None
    (tmp_path / "etc/timezone").write_text("Asia/Tokyo\n", encoding="utf-8")
    assert machine_zone({}, tmp_path) == "Asia/Tokyo"
