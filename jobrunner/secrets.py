"""Secrets: opened just before a call, and masked in everything that is kept of it.

What a worker may open is decided on its own side, by `JOBRUNNER_SECRETS_ALLOW`: patterns such as
`env:REPORTS_*` and `file:/run/secrets/*`, in which `*` stands for anything but a slash. A file must
lie within the folder that its pattern names, whatever links lead to it.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from jobrunner.errors import CallableError, UsageError
from jobrunner.masking import Masker
from jobrunner.sealing import NO_KEYS, Keyring, make_keyring
from jobrunner.settings import Settings
from jobrunner.spec.secrets import PROVIDERS, reference_of, sealed_parts

ALLOW_VARIABLE = "JOBRUNNER_SECRETS_ALLOW"
SECRET_BYTES_MAX = 64 * 1024


class Provider(Protocol):
    """One place where secrets lie."""

    def value(self, name: str) -> str:
        """The secret. Raises LookupError, with the reason and never the value, when it is not there."""

    def is_within(self, name: str, pattern: str) -> bool:
        """Whether the pattern, which the name matches, really covers what lies there."""


class EnvironmentProvider:
    """Variables of the worker's environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def value(self, name: str) -> str:
        """An empty variable is as if it were not set."""
        if not self._environ.get(name):
            raise LookupError(f"the environment has no {name}")
        return self._environ[name]

    def is_within(self, name: str, pattern: str) -> bool:
        """A variable leads nowhere else."""
        del name, pattern
        return True


class FileProvider:
    """Files of the worker's machine, as Docker and Kubernetes mount secrets; a line feed at the end is
    no part of one.
    """

    def value(self, name: str) -> str:
        """A plain file with UTF-8 text of at most 64 KiB."""
        try:
            path = Path(name).resolve(strict=True)
            if not path.is_file():
                raise LookupError("it is no plain file")
            with path.open("rb") as file:
                data = file.read(SECRET_BYTES_MAX + 1)
        except (OSError, RuntimeError) as error:
            raise LookupError(
                getattr(error, "strerror", None) or "its links go in a circle"
            ) from None
        if len(data) > SECRET_BYTES_MAX:
            raise LookupError(f"it is larger than {SECRET_BYTES_MAX // 1024} KiB")
        try:
            return data.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:  # its text would quote a part of the secret
            raise LookupError("it is not UTF-8 text") from None

    def is_within(self, name: str, pattern: str) -> bool:
        """Kubernetes links each secret to a folder beside it; a link out of the folder is refused."""
        plain = [part for part in PurePosixPath(pattern).parts[:-1] if not set(part) & set("*?[")]
        folder = Path(*plain).resolve()
        return ".." not in PurePosixPath(name).parts and Path(name).resolve().is_relative_to(folder)


class Secrets:
    """What this worker may open. Made once in a process; it makes one run at a time."""

    def __init__(
        self,
        allow: Sequence[str] = (),
        *,
        environ: Mapping[str, str] | None = None,
        keyring: Keyring = NO_KEYS,
    ) -> None:
        self._allow = tuple(allow)
        self._keyring = keyring
        self._providers: dict[str, Provider] = {
            "env": EnvironmentProvider(environ or {}),
            "file": FileProvider(),
        }
        self.masker = Masker()
        """Of the run that is on."""

    @contextmanager
    def masking(self) -> Iterator[Masker]:
        """For one run: what is opened within the block is masked by what it yields."""
        self.masker = Masker()
        try:
            yield self.masker
        finally:
            self.masker = Masker()

    def opened(
        self,
        address: str,
        arguments: tuple[Sequence[Any], Mapping[str, Any]],
        sensitive: Sequence[str] = (),
    ) -> tuple[Sequence[Any], dict[str, Any]]:
        """(args, kwargs) with the values in place of references and of what is sealed.

        Raises CallableError, which names the reference and never the value: `refused` for a secret that
        is not allowed here, `secret` for one that is not there now, or that no key here opens.
        """
        args, given = arguments
        try:
            kwargs = self._keyring.opened(address, given)
        except UsageError as error:
            raise CallableError(error.message, kind="secret", hint=error.hint) from None
        hidden = {name for name, value in given.items() if sealed_parts(value)} | {*sensitive}
        for name in hidden & kwargs.keys():
            if reference_of(kwargs[name]) is None:
                self.masker.add(kwargs[name])
        return [self._resolved(value) for value in args], {
            name: self._resolved(value) for name, value in kwargs.items()
        }

    def _resolved(self, value: Any) -> Any:
        reference = reference_of(value)
        if reference is not None:
            found = self._value(*reference)
            self.masker.add(found)
            return found
        if isinstance(value, dict):
            return {name: self._resolved(item) for name, item in value.items()}
        return [self._resolved(item) for item in value] if isinstance(value, list) else value

    def _value(self, provider: str, name: str) -> str:
        told = f"{provider}:{name}"
        source = self._providers[provider]
        patterns = [pattern for pattern in self._allow if _matches(told, pattern)]
        if not any(source.is_within(name, pattern.partition(":")[2]) for pattern in patterns):
            reason = "it leads out of the folder" if patterns else "it is not listed"
            raise CallableError(
                f"The secret {told} may not be opened here: {reason} in {ALLOW_VARIABLE}.",
                kind="refused",
                hint=self._how_to_allow(told, is_out=bool(patterns)),
            )
        try:
            return source.value(name)
        except LookupError as error:
            raise CallableError(
                f"The secret {told} is not there: {error.args[0]}.",
                kind="secret",
                hint=f"Set {name} where the job runs; {ALLOW_VARIABLE} allows it."
                if provider == "env"
                else f"Put it where the job runs, to be read by its user; {ALLOW_VARIABLE} allows it.",
            ) from None

    def _how_to_allow(self, told: str, *, is_out: bool) -> str:
        if is_out:
            return "Name the file itself that the link leads to."
        if self._allow:
            return f"Add {told} to {ALLOW_VARIABLE} where the job runs, if it is to have it."
        return f"Set {ALLOW_VARIABLE}={told} where the job runs, if it is to have it."


def make_secrets(settings: Settings, environ: Mapping[str, str]) -> Secrets:
    """What a worker with these settings may open. Raises UsageError for a pattern or a key that is none."""
    for pattern in settings.secrets_allow:
        provider, _, name = pattern.partition(":")
        is_path = name.startswith("/") and ".." not in name.split("/")
        if provider not in PROVIDERS or not name or (provider == "file" and not is_path):
            raise UsageError(
                f"{pattern!r} in {ALLOW_VARIABLE} is no pattern of secrets.",
                hint="Write for example env:REPORTS_* or file:/run/secrets/*",
            )
    return Secrets(settings.secrets_allow, environ=environ, keyring=make_keyring(settings))


def mask_log(secrets: Secrets) -> None:
    """What this process logs is masked as well, for as long as the run goes on that opened the secret."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_MaskedFormatter(handler.formatter or logging.Formatter(), secrets))


class _MaskedFormatter(logging.Formatter):
    def __init__(self, inner: logging.Formatter, secrets: Secrets) -> None:
        super().__init__()
        self._inner = inner
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.masker.text(self._inner.format(record))


def _matches(told: str, pattern: str) -> bool:
    return told.count("/") == pattern.count("/") and fnmatchcase(told, pattern)
