"""A JWT for the API, as a log-in would give it: `python -m reports.token SUBJECT [ROLE]`."""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

from jobrunner.settings import load_settings


def token_for(subject: str, role: str | None = None) -> str:
    """Good for an hour."""
    claims = {"sub": subject, "exp": datetime.now(UTC) + timedelta(hours=1)}
    key = load_settings(os.environ, Path.cwd()).jwt_key
    return jwt.encode(claims if role is None else {**claims, "role": role}, key, algorithm="HS256")


if __name__ == "__main__":
    print(token_for(*sys.argv[1:]))
