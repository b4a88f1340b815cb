"""JWTs that a host application has signed for its users, by a shared key or by its public ones (JWKS).

The algorithm is that of the key; what the JWT's own header says of it only has to agree (RFC 8725,
3.1). Claims: `sub` acts; the role claim is viewer, operator or admin, and without it its subject reads
his own runs; `namespaces` is a list of names, and without it the role holds everywhere.
"""

from collections.abc import Mapping
from typing import Any

import jwt

from jobrunner.access.caller import Caller, Role
from jobrunner.db.tokens import Refusal
from jobrunner.errors import UsageError
from jobrunner.settings import Settings
from jobrunner.web.key_set import KeySet

_KEY_BYTES_MIN = 32
"""As many as the hash has (RFC 7518, 3.2)."""
_SUBJECT_CHARACTERS_MAX = 255
"""As OpenID Connect has it; an index holds no text of any length."""
_LEEWAY_SECONDS = 10
"""So far two clocks may be apart."""


class HostTokens:
    """Reads them. One for the process."""

    def __init__(self, settings: Settings) -> None:
        """Raise UsageError for settings with which no JWT could be trusted."""
        self._settings = settings
        if settings.jwt_key and settings.jwt_jwks:
            raise UsageError(
                "JOBRUNNER_JWT_KEY and JOBRUNNER_JWT_JWKS are both set.",
                hint="Keep one of them: a JWT is either signed with a shared key or with a private one.",
            )
        if settings.jwt_key and len(settings.jwt_key.encode()) < _KEY_BYTES_MIN:
            raise UsageError(
                f"JOBRUNNER_JWT_KEY has fewer than {_KEY_BYTES_MIN} bytes, so it could be guessed.",
                hint="Make one with: openssl rand -base64 48",
            )
        if settings.jwt_jwks and not settings.jwt_audience:
            raise UsageError(
                "JOBRUNNER_JWT_JWKS needs JOBRUNNER_JWT_AUDIENCE: these keys sign for others, too.",
                hint="Set it to the `aud` of the JWTs that are meant for jobrunner.",
            )
        self._key_set = KeySet(settings.jwt_jwks) if settings.jwt_jwks else None

    def holder_of(self, text: str) -> Caller | Refusal:
        """Whom it was signed for; or why it is good for nothing."""
        try:
            return _caller(self._claims_of(text), self._settings.jwt_role_claim)
        except jwt.ExpiredSignatureError:
            return "expired"
        except (jwt.InvalidTokenError, jwt.InvalidKeyError, ValueError, RecursionError):
            return "unknown"

    def _claims_of(self, text: str) -> Mapping[str, Any]:
        key, algorithm = self._key_for(text)
        claims: Mapping[str, Any] = jwt.decode(
            text,
            key,
            algorithms=[algorithm],
            audience=self._settings.jwt_audience or None,
            issuer=self._settings.jwt_issuer or None,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "sub"]},
        )
        return claims

    def _key_for(self, text: str) -> tuple[Any, str]:
        if self._key_set is not None:
            found = self._key_set.find(jwt.get_unverified_header(text).get("kid"))
            return found.key, found.algorithm_name
        if not self._settings.jwt_key:
            raise jwt.InvalidKeyError
        return self._settings.jwt_key, "HS256"


def _caller(claims: Mapping[str, Any], role_claim: str) -> Caller:
    """Raise ValueError for claims that mean nothing here."""
    subject, role = claims["sub"], claims.get(role_claim)
    namespaces = claims.get("namespaces")
    if not 0 < len(subject) <= _SUBJECT_CHARACTERS_MAX:
        raise ValueError(subject)
    if namespaces is not None and not _are_names(namespaces):
        raise ValueError(namespaces)
    for name in (subject, *(namespaces or ())):
        _check_storable(name)
    return Caller(
        subject=subject,
        role=Role.VIEWER if role is None else Role(role),
        via="jwt",
        namespaces=None if namespaces is None else frozenset(namespaces),
        own_runs_only=role is None,
    )


def _are_names(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(name, str) for name in given)


def _check_storable(text: str) -> None:
    """Raise ValueError for what no text of PostgreSQL holds: a NUL, or half of a surrogate pair."""
    if "\0" in text:
        raise ValueError(text)
    text.encode()
