"""The process in which `validate --check-tasks import` loads the tasks: `python -m jobrunner.import_child`.

It gets an `Opening` and then a `Question` a line on its standard input, and answers each by one line on
the descriptor that it inherits. What the modules print goes nowhere; what they do to this process is
the other's to notice.
"""

import inspect
import os
import sys
import traceback
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any, TextIO

from celery import Task

from jobrunner.callables import LoadedCallable, load_callable
from jobrunner.errors import CallableError
from jobrunner.import_questions import Answer, Opening, Question
from jobrunner.misfits import (
    Judged,
    Misfit,
    Problem,
    Shape,
    find_misfits,
    find_misfits_of_on_end,
    signature_in_words,
)
from jobrunner.process_tree import adopt_orphans, die_with

_CODES = {"refused": "E302", "missing": "E303", "import": "E305"}


def main() -> None:
    """Answer until there are no more questions."""
    questions = os.fdopen(os.dup(0), encoding="utf-8")
    opening = Opening.model_validate_json(questions.readline())
    die_with(opening.parent)
    adopt_orphans()
    with Path(os.devnull).open("rb") as nothing:  # a module that asks for input gets none
        os.dup2(nothing.fileno(), 0)
    if opening.root not in sys.path:  # as a worker does that is started there
        sys.path.insert(0, opening.root)
    with os.fdopen(opening.answers, "w", encoding="utf-8") as answers:
        _answer_all(questions, answers, opening)


def _answer_all(questions: TextIO, answers: TextIO, opening: Opening) -> None:
    for line in questions:
        question = Question.model_validate_json(line)
        answers.write(_answer(question, opening).model_dump_json() + "\n")
        answers.flush()


def _answer(question: Question, opening: Opening) -> Answer:
    try:
        loaded = load_callable(question.path, allow=opening.allow)
    except CallableError as error:
        return Answer(problem=_problem(question.path, error, opening.root))
    if loaded.signature is None:
        return Answer()
    shape = Shape(question.path.rpartition(".")[2], loaded.signature, loaded.hints)
    try:
        misfits = _misfits(shape, question)
    except Exception as error:  # noqa: BLE001  a validator of the user's own
        told = f"{question.path} cannot check its arguments: {type(error).__name__}: {error}"
        return Answer(problem=Problem("E304", told))
    if not misfits:
        return Answer()
    text = f"{shape.name}{signature_in_words(loaded.signature)}"
    return Answer(judged=Judged(text, _place(loaded, opening.root), misfits))


def _misfits(shape: Shape, question: Question) -> list[Misfit]:
    if question.is_on_end:
        return find_misfits_of_on_end(shape)
    return find_misfits(
        shape, question.args, question.kwargs,
        is_complete=question.is_complete, sensitive=question.sensitive,
    )  # fmt: skip


def _problem(path: str, error: CallableError, root: str) -> Problem:
    is_modules = error.kind == "import"
    return Problem(
        _CODES[error.kind],
        error.message.rstrip("."),
        help=f"{error.hint[:1].lower()}{error.hint[1:]}".rstrip("."),
        notes=_raised_at(error.__cause__, root) if is_modules else (),
        module=path.rpartition(".")[0] if is_modules else "",
    )


def _raised_at(cause: BaseException | None, root: str) -> tuple[str, ...]:
    """The place of the last line of the traceback."""
    if isinstance(cause, SyntaxError) and cause.filename:
        return (f"at {_shown(cause.filename, root)}:{cause.lineno}",)
    frames = traceback.extract_tb(cause.__traceback__) if cause else []
    return (f"at {_shown(frames[-1].filename, root)}:{frames[-1].lineno}",) if frames else ()


def _place(loaded: LoadedCallable, root: str) -> str:
    """Of the function that is called in the end; '' for one that has no source."""
    function: Any = loaded.function.run if isinstance(loaded.function, Task) else loaded.function
    if not isinstance(function, FunctionType | MethodType):
        function = type(function).__call__
    code = getattr(inspect.unwrap(function), "__code__", None)
    return "" if code is None else f"{_shown(code.co_filename, root)}:{code.co_firstlineno}"


def _shown(file: str, root: str) -> str:
    path = Path(file)
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


if __name__ == "__main__":
    main()
