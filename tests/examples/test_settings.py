"""What the examples on Django are like where nobody has set anything: as in production."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("settings", ["dashboard/dashboard", "focus-timer/focus"])
def test_there_is_no_debug_mode_and_no_known_secret_unless_it_is_asked_for(
    settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DJANGO_DEBUG", "DJANGO_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    found = runpy.run_path(str(EXAMPLES / settings / "settings.py"))
    assert (found["DEBUG"], found["SECRET_KEY"]) == (False, "")
