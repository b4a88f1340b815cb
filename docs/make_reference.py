# ruff: noqa: INP001  a script beside the pages, no package
"""Writes the generated pages of the reference: `python docs/make_reference.py`."""

from pathlib import Path

from jobrunner.metrics.reference import metrics_reference
from jobrunner.spec.codes.page import errors_reference
from jobrunner.spec.reference import yaml_reference

REFERENCE = Path(__file__).parent / "reference"

if __name__ == "__main__":
    (REFERENCE / "yaml.md").write_text(yaml_reference(), encoding="utf-8")
    (REFERENCE / "metrics.md").write_text(metrics_reference(), encoding="utf-8")
    (REFERENCE / "errors.md").write_text(errors_reference(), encoding="utf-8")
