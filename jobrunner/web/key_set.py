"""The public keys of a host, from an https URL or a file; read again when they are old, or lack one."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException as BadAnswer
from http.client import HTTPMessage
from pathlib import Path
from typing import IO

import jwt
import structlog
from starlette.exceptions import HTTPException

from jobrunner.errors import UsageError

_OLD_SECONDS = 300.0
_AGAIN_SECONDS = 60.0
"""However many JWTs name a key that is not known, so seldom the host is asked."""
_TIMEOUT_SECONDS = 3.0
_BYTES_MAX = 1024 * 1024
_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Those of public keys: one that is itself the secret has no place in such a list."""

log = structlog.get_logger("jobrunner.web")


class KeySet:
    """One for the process; safe in threads. Raises UsageError for a place that cannot be trusted."""

    def __init__(self, place: str, now: Callable[[], float] = time.monotonic) -> None:
        if "://" in place and not place.startswith("https://"):
            raise UsageError(
                "JOBRUNNER_JWT_JWKS must be an https URL or a file: anybody on the way could change it.",
                hint="Write it as https://… or as a path.",
            )
        self._place = place
        self._now = now
        self._lock = threading.Lock()
        self._keys: tuple[jwt.PyJWK, ...] = ()
        self._asked_at: float | None = None

    def find(self, key_id: str | None) -> jwt.PyJWK:
        """The key of that id; the only one there is, when the JWT names none.

        Raises jwt.InvalidKeyError, and HTTPException 503 while no keys can be had at all.
        """
        with self._lock:
            if self._is_due(key_id):
                self._ask()
            found = self._found(key_id)
        if not self._keys:
            raise HTTPException(
                503,
                "The keys of the host application cannot be read.",
                headers={"Retry-After": str(round(_AGAIN_SECONDS))},
            )
        if found is None:
            raise jwt.InvalidKeyError
        return found

    def _is_due(self, key_id: str | None) -> bool:
        if self._asked_at is None:
            return True
        age_seconds = self._now() - self._asked_at
        lacks_it = self._found(key_id) is None and age_seconds >= _AGAIN_SECONDS
        return lacks_it or age_seconds >= _OLD_SECONDS

    def _found(self, key_id: str | None) -> jwt.PyJWK | None:
        if key_id is None:
            return self._keys[0] if len(self._keys) == 1 else None
        return next((key for key in self._keys if key.key_id == key_id), None)

    def _ask(self) -> None:
        """What was known stays when the host does not answer."""
        self._asked_at = self._now()
        try:
            keys = jwt.PyJWKSet.from_dict(json.loads(_read(self._place))).keys
        except (OSError, ValueError, AttributeError, BadAnswer, jwt.PyJWTError) as error:
            log.warning("jwks_unreadable", place=self._place, error=str(error))
            return
        self._keys = tuple(key for key in keys if key.algorithm_name in _ALGORITHMS)


def _read(place: str) -> bytes:
    if not place.startswith("https://"):
        return Path(place).read_bytes()
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(place, timeout=_TIMEOUT_SECONDS) as answer:
        content: bytes = answer.read(_BYTES_MAX)
    return content


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The address that was given is the one that is trusted."""

    def redirect_request(  # noqa: PLR0917  as urllib has it
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Never: it ends as the error that it is."""
        del req, fp, code, msg, headers, newurl
