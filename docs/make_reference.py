# ruff: noqa: INP001  a script beside the pages, no package
"""Writes the generated page of the reference: `python docs/make_reference.py`."""

from pathlib import Path

from jobrunner.spec.reference import yaml_reference

PAGE = Path(__file__).parent / "reference" / "yaml.md"

if __name__ == "__main__":
    PAGE.write_text(yaml_reference(), encoding="utf-8")
