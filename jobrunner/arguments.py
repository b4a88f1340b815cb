"""Arguments as JSON has them, made to fit the callable's signature and type hints."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from jobrunner.callables import LoadedCallable
from jobrunner.errors import CallableError
from jobrunner.hints import Expected
from jobrunner.masking import Masker

_SHOWN_CHARACTERS = 80
_SHOWN_SIGNATURE_CHARACTERS = 300
_HINT = "Correct `args` and `kwargs` of the job."
_HINT_OF_GIVEN = "Correct what this run was given: --kwargs, or the kwargs of trigger()."


def fit_arguments(
    loaded: LoadedCallable,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    masker: Masker,
    given: Collection[str] = (),
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What to call it with. Raises CallableError (`arguments`) with the signature when it cannot be.

    `given`: those of `kwargs` that are this run's own, and not its job's; the error says whose it is.

    The rule is Pydantic's lax mode: text becomes a date, time, UUID, Decimal, Path, enum or number
    where the hint asks for one, a list a tuple or set, an object a dataclass or model; a number does
    not become text. A timedelta takes `1h30m` as well as ISO 8601 and seconds, an enum its values
    and names. None is taken where it is the default. Defaults are not checked. What a validator of
    the user's own raises, other than ValueError and AssertionError, passes through.
    """
    if loaded.signature is None:
        return tuple(args), dict(kwargs)
    try:
        loaded.signature.bind(*args, **kwargs)
    except TypeError as error:
        is_given = any(f"'{name}'" in str(error) for name in given)  # as `inspect` quotes it
        raise _refusal(loaded, str(error), is_given=is_given) from error
    hints = loaded.hints
    if hints is None:
        return tuple(args), dict(kwargs)
    further = len(args) - len(hints.by_position)
    expected = (*hints.by_position, *[hints.more_positions] * further)
    return (
        tuple(
            _fitted(loaded, one, one and one.parameter, value, masker)
            for one, value in zip(expected, args, strict=False)
        ),
        {
            name: _fitted(
                *(loaded, hints.by_name.get(name, hints.more_names), name, value, masker),
                is_given=name in given,
            )
            for name, value in kwargs.items()
        },
    )


def _fitted(
    loaded: LoadedCallable,
    expected: Expected | None,
    name: str | None,
    value: Any,
    masker: Masker,
    *,
    is_given: bool = False,
) -> Any:
    if expected is None:
        return value
    try:
        return expected.adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
    # Outside of the handler: the error that is left behind quotes the value, unmasked.
    where = "".join(f"[{part!r}]" for part in first["loc"])
    if first["type"] == "missing":  # its input is all that has no such part
        problem = f"{name}{where} is missing, and {name} takes {expected.hint}"
    else:
        problem = (
            f"{name}{where} is {_shown(first['input'], masker)}, and {name} takes {expected.hint}: "
            f"{first['msg']}"
        )
    raise _refusal(loaded, problem, is_given=is_given)


def _refusal(loaded: LoadedCallable, problem: str, *, is_given: bool) -> CallableError:
    name = loaded.path.rpartition(".")[2]
    signature = _cut(str(loaded.signature), _SHOWN_SIGNATURE_CHARACTERS)
    return CallableError(
        f"{loaded.path} cannot be called with these arguments: {problem.rstrip('.')}. "
        f"It is {name}{signature}.",
        kind="arguments",
        hint=_HINT_OF_GIVEN if is_given else _HINT,
    )


def _shown(value: Any, masker: Masker) -> str:
    """Masked before it is cut: a mask does not find the half of a secret."""
    return _cut(repr(masker.value(value)), _SHOWN_CHARACTERS)


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"
