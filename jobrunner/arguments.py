"""Arguments as JSON has them, made to fit the callable's signature."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobrunner.callables import LoadedCallable
from jobrunner.errors import CallableError


def fit_arguments(
    loaded: LoadedCallable, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What to call it with. Raises CallableError (`arguments`) with the signature when it cannot be."""
    if loaded.signature is None:
        return tuple(args), dict(kwargs)
    try:
        loaded.signature.bind(*args, **kwargs)
    except TypeError as error:
        name = loaded.path.rpartition(".")[2]
        raise CallableError(
            f"{loaded.path} cannot be called with these arguments: {error}. "
            f"It is {name}{loaded.signature}.",
            kind="arguments",
            hint="Correct `args` and `kwargs` of the job.",
        ) from error
    return tuple(args), dict(kwargs)
