"""The oracles, loaded from the scripts that also run them a million times."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    """`oracle.py` beside this file."""
    return _load("oracle")


@pytest.fixture(scope="session")
def rrule_oracle() -> ModuleType:
    """`rrule_oracle.py` beside this file."""
    return _load("rrule_oracle")


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"schedule_{name}", Path(__file__).parent / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where its dataclasses look up their own types
    spec.loader.exec_module(module)
    return module
