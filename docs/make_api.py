# ruff: noqa: INP001  a script beside the pages, no package
"""Writes the page of the API and the copy of its document: `python docs/make_api.py`."""

import json
from pathlib import Path

from jobrunner.db.engine import make_engine
from jobrunner.settings import Settings
from jobrunner.web.api.document import document_of
from jobrunner.web.api.reference import api_reference
from jobrunner.web.app import make_app
from jobrunner.web.context import Web

PAGE = Path(__file__).parent / "reference" / "api.md"
SNAPSHOT = Path(__file__).parent.parent / "tests" / "web" / "openapi.json"

if __name__ == "__main__":
    nowhere = make_engine("postgresql:///none", application_name="docs")
    document = document_of(make_app(Web(Settings(), nowhere)))
    PAGE.write_text(api_reference(document), encoding="utf-8")
    SNAPSHOT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
