"""What a browser holds of a session, `<id>.<secret>`; a one-time link to sign in looks the same."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

from jobrunner.access.tokens import hash_secret, new_token

_TEXT = re.compile(r"([a-z0-9]{12})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class SessionText:
    """A session as its browser has it."""

    id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.id}.{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """What the database keeps."""
        return hash_secret(self.secret)

    @property
    def form_token(self) -> str:
        """Stands in every form of its pages: a page of others cannot know it."""
        return hmac.new(self.secret.encode(), b"form", hashlib.sha256).hexdigest()

    def is_form_token(self, given: str) -> bool:
        """In a time that does not depend on how much of it is right."""
        return hmac.compare_digest(self.form_token.encode(), given.encode())


def new_session() -> SessionText:
    """A session nobody has."""
    made = new_token()
    return SessionText(made.id, made.secret)


def parse_session(text: str) -> SessionText | None:
    """The parts of a session; None for what is none."""
    found = _TEXT.fullmatch(text)
    return None if found is None else SessionText(found[1], found[2])
