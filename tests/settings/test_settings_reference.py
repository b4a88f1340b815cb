"""Nothing undocumented: each setting stands in its reference, and nothing else does."""

import re
from pathlib import Path

from jobrunner.settings import PART_NAMES, Settings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_the_reference_lists_exactly_the_settings_there_are() -> None:
    listed = re.findall(r"^\| `(\w+)`", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    fields = [f"JOBRUNNER_{field.upper()}" for field in Settings.model_fields]
    assert sorted(listed) == sorted([*fields, *PART_NAMES])
