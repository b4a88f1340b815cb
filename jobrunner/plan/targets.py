"""Which jobs a plan is limited to: those of some addresses, or of whole namespaces."""

from collections.abc import Iterable
from dataclasses import dataclass

from jobrunner.errors import UsageError

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Targets:
    """`namespace/job` and `namespace/*`; none at all: every job."""

    texts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return bool(self.texts)

    def cover(self, *addresses: str) -> bool:
        """One of these addresses, which are of one job, is meant."""
        return not self.texts or any(
            address in self.texts or f"{address.partition('/')[0]}/{_ALL}" in self.texts
            for address in addresses
        )

    def without_a_job(self, addresses: Iterable[str]) -> tuple[str, ...]:
        """Those that mean none of these jobs."""
        known = set(addresses)
        known |= {f"{address.partition('/')[0]}/{_ALL}" for address in known}
        return tuple(text for text in self.texts if text not in known)


EVERY_JOB = Targets()


def make_targets(texts: Iterable[str]) -> Targets:
    """From what a person wrote. Raises UsageError for what is neither of the two forms."""
    given = tuple(dict.fromkeys(texts))
    for text in given:
        namespace, slash, name = text.partition("/")
        if not (namespace and slash and name) or _ALL in namespace or "#" in name:
            raise _no_target(text)
        if _ALL in name and name != _ALL:
            raise _no_target(text)
    return Targets(given)


def _no_target(text: str) -> UsageError:
    return UsageError(
        f"--target takes a job, not {text!r}.",
        hint="Write namespace/job, or namespace/* for all jobs of a namespace.",
    )
