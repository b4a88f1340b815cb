"""Seals the arguments that a job names as `sensitive`, and opens them again.

The values are encrypted by `cryptography`'s Fernet under the newest of the keys that the process is
given; each of its keys opens. Encryption gives another text each time, so a digest that only a
holder of the key can make stands beside it: by it a plan finds that nothing has changed.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobrunner.errors import UsageError, first_line
from jobrunner.plan.digest import canonical_json
from jobrunner.settings import Settings
from jobrunner.spec.models import JobSpec
from jobrunner.spec.secrets import has_reference, reference_of, sealed_parts, sealed_value

KEYS_VARIABLE = "JOBRUNNER_ENCRYPTION_KEYS"
MAKE_A_KEY = (
    'python -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'
)
_KEY_BYTES = 32
_DIGEST_DIGITS = 32
_ID_DIGITS = 8


class Keyring:
    """The keys of a process, the newest first. Without keys it seals and opens nothing, and says so."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        """Raises UsageError, which shows no key, for one that is none."""
        self._keys = [_key_bytes(key, number) for number, key in enumerate(keys, start=1)]

    def __len__(self) -> int:
        return len(self._keys)

    def seal(self, address: str, name: str, value: object) -> dict[str, Any]:
        """What to store in place of an argument of a job.

        Raises UsageError without a key, and for a value that JSON cannot hold.
        """
        parts = self.sealed_parts_of(address, name, value)
        token = self._fernet().encrypt(_dumped(name, value).encode())
        return sealed_value(**parts, token=token.decode())

    def sealed_parts_of(self, address: str, name: str, value: object) -> dict[str, str]:
        """`key` and `digest` that the value has when it is sealed. Equal values of two jobs differ."""
        if not self._keys:
            raise UsageError(
                f"{address} has a sensitive argument, {name}, and {KEYS_VARIABLE} is not set.",
                hint=f"Set it, the same for whoever applies, triggers and works. Make a key: {MAKE_A_KEY}",
            )
        newest = self._keys[0]
        told = canonical_json([address, name, json.loads(_dumped(name, value))])
        digest = _derived(newest, "digest", told)[:_DIGEST_DIGITS]
        return {"key": _derived(newest, "id")[:_ID_DIGITS], "digest": digest}

    def opened(self, address: str, kwargs: Mapping[str, object]) -> dict[str, Any]:
        """The same with the values in place of what is sealed. Raises UsageError when no key opens it."""
        return {name: self._opened(address, name, value) for name, value in kwargs.items()}

    def _opened(self, address: str, name: str, value: object) -> Any:
        parts = sealed_parts(value)
        return value if parts is None else self._decrypted(address, name, parts)

    def _decrypted(self, address: str, name: str, parts: Mapping[str, str]) -> Any:
        from cryptography.fernet import InvalidToken  # noqa: PLC0415  see _fernet

        told = f"The sensitive argument {name} of {address}"
        if not self._keys:
            raise UsageError(
                f"{told} cannot be opened: {KEYS_VARIABLE} is not set.",
                hint=f"Set it to the keys of whoever applies; this one was sealed with key {parts['key']}.",
            )
        try:
            return json.loads(self._fernet().decrypt(parts["token"]))
        except (InvalidToken, ValueError, TypeError):
            raise UsageError(
                f"{told} cannot be opened: it was sealed with key {parts['key']}, which is none of the "
                f"{len(self._keys)} in {KEYS_VARIABLE}.",
                hint="Add that key behind the newer ones, or apply and trigger again with a new one.",
            ) from None

    def _fernet(self) -> Any:
        # Few processes ever need it, and to load it takes as long as half of our commands.
        from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415

        return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in self._keys])


NO_KEYS = Keyring()


def make_keyring(settings: Settings) -> Keyring:
    """The keys of `settings`. Raises UsageError."""
    return Keyring(settings.encryption_keys)


def seal_job(spec: JobSpec, known: JobSpec | None, keyring: Keyring) -> JobSpec:
    """The definition as it is stored. `known` is what is in force: of it, what is sealed already with
    the newest key stays as it is, so that nothing changes where nothing has changed.
    """
    if not spec.sensitive:
        return spec
    sealing = _Sealing(spec, keyring, {} if known is None else dict(_sealed_within(known)))
    schedules = tuple(
        schedule
        if schedule.kwargs is None
        else schedule.model_copy(update={"kwargs": sealing.sealed(schedule.kwargs)})
        for schedule in spec.schedules
    )
    return spec.model_copy(update={"kwargs": sealing.sealed(spec.kwargs), "schedules": schedules})


def seal_kwargs(
    address: str, sensitive: Sequence[str], kwargs: Mapping[str, object], keyring: Keyring
) -> dict[str, Any]:
    """Arguments that are given at a trigger, as they are stored.

    Raises UsageError: without a key, for what JSON cannot hold, and for a reference to a secret. Which
    secrets a job gets is for its definition to say, and not for everybody who may start it.
    """
    if has_reference(dict(kwargs)):
        raise UsageError(
            f"The arguments given for {address} refer to a secret, which only its definition may do.",
            hint='Write {secret: "…"} into the kwargs of the job.',
        )
    return {
        name: keyring.seal(address, name, value)
        if name in sensitive and sealed_parts(value) is None
        else value
        for name, value in kwargs.items()
    }


class _Sealing:
    def __init__(self, spec: JobSpec, keyring: Keyring, known: dict[str, Any]) -> None:
        self._spec = spec
        self._keyring = keyring
        self._known = known
        """Sealed values by their digest."""

    def sealed(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            # A reference holds nothing that has to be hidden.
            name: self._seal(name, value)
            if name in self._spec.sensitive and reference_of(value) is None
            else value
            for name, value in kwargs.items()
        }

    def _seal(self, name: str, value: Any) -> dict[str, Any]:
        digest = self._keyring.sealed_parts_of(self._spec.address, name, value)["digest"]
        if digest not in self._known:
            self._known[digest] = self._keyring.seal(self._spec.address, name, value)
        found: dict[str, Any] = self._known[digest]
        return found


def _sealed_within(spec: JobSpec) -> Iterator[tuple[str, Any]]:
    for kwargs in (spec.kwargs, *(schedule.kwargs or {} for schedule in spec.schedules)):
        for value in kwargs.values():
            parts = sealed_parts(value)
            if parts is not None:
                yield parts["digest"], value


def _key_bytes(key: str, number: int) -> bytes:
    try:
        made = base64.b64decode(key, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        made = b""
    if len(made) != _KEY_BYTES:
        raise UsageError(
            f"Key number {number} in {KEYS_VARIABLE} cannot be used: a key is {_KEY_BYTES} bytes in "
            "URL-safe Base64.",
            hint=f"Make one: {MAKE_A_KEY}",
        )
    return made


def _derived(key: bytes, purpose: str, text: str = "") -> str:
    """Another use of the key, which tells nothing of it."""
    message = f"jobrunner sealed value {purpose}\n{text}".encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _dumped(name: str, value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"The argument {name} cannot be stored: {first_line(error)}.",
            hint="Arguments of a run are JSON values, without NaN.",
        ) from error
