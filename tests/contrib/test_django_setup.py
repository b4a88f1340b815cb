"""What Django costs those who have no Django project: nothing, and it fails nothing."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["jobrunner", "jobrunner.cli.main"])
def test_jobrunner_loads_no_django(module: str) -> None:
    code = f"import sys, {module}; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_coroutine_runs_beside_a_library_that_has_only_looked_for_django() -> None:
    code = """
import asyncio
import django.db
from jobrunner.django_setup import close_connections_of_coroutines

asyncio.run(close_connections_of_coroutines())
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
