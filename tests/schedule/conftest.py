"""The oracles, loaded from the script that also runs them a million times."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """`oracle.py` beside this file."""
    spec = importlib.util.spec_from_file_location(
        "schedule_oracle", Path(__file__).parent / "oracle.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look up their own types
    spec.loader.exec_module(module)
    return module
