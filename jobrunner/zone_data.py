"""Which time zone data this process reads: the system's, or the package's where the system has none."""

import zoneinfo
from functools import cache
from importlib.metadata import version
from pathlib import Path

_PROBE = "Europe/Berlin"
_WORDS_BEFORE_VERSION = "# version "


@cache
def zone_data_version() -> str:
    """As `2026b`; later ones sort behind. '' when the system's data does not say.

    zoneinfo takes the first of these folders that has the zone, and the package after all of them.
    """
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / _PROBE).is_file():
            return _version_of(folder)
    return _package_version()


def _version_of(folder: Path) -> str:
    try:
        with (folder / "tzdata.zi").open(encoding="utf-8") as file:
            line = file.readline()
    except OSError:
        return ""
    return line.removeprefix(_WORDS_BEFORE_VERSION).strip() if line.startswith("# ") else ""


def _package_version() -> str:
    """Its number is `2026.2` for `2026b`."""
    year, _, release = version("tzdata").partition(".")
    return f"{year}{chr(ord('a') + int(release) - 1)}"
