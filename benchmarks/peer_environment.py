"""The peers' own Python environment: they are no dependency of the product.

It is made once, in the user's cache, from `peers.txt`, and made anew when that changes.
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

PINS = Path(__file__).parent / "peers.txt"
PACKAGES = (
    "celery",
    "django-celery-beat",
    "sqlalchemy-celery-beat",
    "celery-redbeat",
    "apscheduler",
)
_INSTALL = (
    *("-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", "install"),
    *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", str(PINS)),
)
_VERSIONS = (
    "import importlib.metadata, json, sys;"
    "print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))"
)
_TIME_LIMIT_SECONDS = 600


def find_peers() -> Path | None:
    """The environment's Python, made where there is none; None, with a sentence, where it cannot be."""
    folder = _folder()
    python, is_whole = folder / "bin" / "python", folder / "is-whole"
    if is_whole.exists():
        return python
    print(f"Installing the peers into {folder} …", file=sys.stderr, flush=True)
    try:
        venv.create(folder, clear=True, with_pip=True)
        _run(python, *_INSTALL)
    except (OSError, subprocess.SubprocessError) as error:
        print(
            f"The peers cannot be installed ({error}): the product and the limits are measured alone.",
            file=sys.stderr,
        )
        return None
    is_whole.touch()
    return python


def peer_versions(python: Path) -> Mapping[str, str]:
    """Of the packages that are measured."""
    versions: Mapping[str, str] = json.loads(_run(python, "-c", _VERSIONS, *PACKAGES))
    return versions


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    wanted = f"{sys.version}{sys.base_prefix}".encode() + PINS.read_bytes()
    return Path(cache, "jobrunner-benchmarks", f"peers-{sha256(wanted).hexdigest()[:12]}")


def _run(python: Path, *arguments: str) -> str:
    done = subprocess.run(
        (str(python), *arguments),
        capture_output=True,
        text=True,
        timeout=_TIME_LIMIT_SECONDS,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise subprocess.SubprocessError(lines[-1])
    return done.stdout
