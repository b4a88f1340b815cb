"""The text of a token, `jr_<id>_<secret>`, and what is kept of it.

The secret has 256 random bits, so a plain SHA-256 of it is as safe as a slow hash, which is made for
what people think of themselves.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_TEXT = re.compile(r"jr_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class TokenText:
    """A token as its holder has it."""

    id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"jr_{self.id}_{self.secret}"

    @property
    def secret_hash(self) -> bytes:
        """What the database keeps."""
        return hash_secret(self.secret)


def new_token() -> TokenText:
    """A token nobody has."""
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    return TokenText("".join(secrets.choice(alphabet) for _ in range(12)), new_secret())


def new_secret() -> str:
    """256 random bits as text of 43 characters."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def parse_token(text: str) -> TokenText | None:
    """The parts of a token; None for what is none."""
    found = _TEXT.fullmatch(text)
    return None if found is None else TokenText(found[1], found[2])


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def is_same(secret: str, secret_hash: bytes) -> bool:
    """In a time that does not depend on how much of it is right."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)
