# ruff: noqa: INP001  a script beside the pages, no package
"""Writes the page of the commands: `python docs/make_commands.py`."""

from pathlib import Path

from jobrunner.cli.reference import commands_reference

PAGE = Path(__file__).parent / "reference" / "commands.md"

if __name__ == "__main__":
    PAGE.write_text(commands_reference(), encoding="utf-8")
