"""Reads a mapping as a model: pydantic finds what is wrong, the words and the place are ours."""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from jobrunner.spec.guesses import did_you_mean
from jobrunner.spec.interpolation import Expanded
from jobrunner.spec.keys import EXTENSION, KEYS, shortened
from jobrunner.spec.report import MOST_IN_ONE_FILE, Report
from jobrunner.spec.scalars import AmbiguousNumberError, resolve_plain
from jobrunner.spec.tree import Mapping, Node, Scalar, kind
from jobrunner.spec.tree import Sequence as ListNode

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]


class Reading(NamedTuple, Generic[Model]):
    """What could be read. `bad` are the keys that were wrong, and are as if they were not there."""

    model: Model | None
    """None: something that is necessary is missing or wrong, and nothing stood in for it."""
    bad: frozenset[str] = frozenset()

    @property
    def is_good(self) -> bool:
        """Nothing was wrong."""
        return self.model is not None and not self.bad

    def has(self, *keys: str) -> bool:
        """None of these keys was wrong, so that they may be judged together."""
        return self.bad.isdisjoint(keys)


def read_model(
    model: type[Model],
    values: dict[str, Any],
    tree: Mapping,
    *,
    whole: Node,
    report: Report,
    stand_in: dict[str, Any] | None = None,
) -> Reading[Model]:
    """The model of `values`. What is wrong is reported at its node in `tree`.

    `whole` is shown where the mistake is that something is not there. A second reading without
    the bad keys, with `stand_in` for necessary ones, lets the caller find what else is wrong.
    """
    try:
        return Reading(model.model_validate(values))
    except ValidationError as error:
        found = _mistakes(error, model, values)
    if _read_expanded(values, found, tree):
        return read_model(model, values, tree, whole=whole, report=report, stand_in=stand_in)
    for mistake in found:
        if not report.has_room(whole.source):
            break
        _report(mistake, tree, whole, report)
    bad = frozenset(str(mistake["loc"][0]) for mistake in found)
    try:
        good = {key: value for key, value in values.items() if key not in bad}
        good = (stand_in or {}) | good
        return Reading(model.model_validate(good), bad)
    except ValidationError:
        return Reading(None, bad)


def _mistakes(error: ValidationError, model: type[Model], values: dict[str, Any]) -> Sequence[Any]:
    """Of very many those of each list's first items: pydantic needs half a kilobyte to tell of one."""
    if error.error_count() > MOST_IN_ONE_FILE:
        try:
            model.model_validate(_first_items(values))
        except ValidationError as of_first:
            error = of_first
    found = error.errors(include_url=False)
    for mistake in found:
        if "error" in mistake.get("ctx", {}):
            # The exception knows all frames that it went through, and they know it: nothing of them
            # would be given back before the end of a large file.
            mistake["ctx"]["error"] = str(mistake["ctx"]["error"])
    return found


def _first_items(value: Any) -> Any:
    match value:
        case list():
            return [_first_items(item) for item in value[: MOST_IN_ONE_FILE + 1]]
        case dict():
            first = islice(value.items(), MOST_IN_ONE_FILE + 1)
            return {key: _first_items(item) for key, item in first}
        case _:
            return value


def _read_expanded(values: dict[str, Any], found: Sequence[Any], tree: Mapping) -> bool:
    """Whether a text that `${…}` gave could be read as the number or truth value that its key takes."""
    is_any = False
    for mistake in found:
        kinds = _READ_AS.get(mistake["type"])
        node = _node_at(tree, mistake["loc"]) if kinds else None
        if kinds and isinstance(node, Scalar) and isinstance(node.value, Expanded):
            try:
                value = resolve_plain(node.value)
            except AmbiguousNumberError:
                continue
            if type(value) in kinds:
                _put(values, mistake["loc"], value)
                is_any = True
    return is_any


_READ_AS: dict[str, tuple[type, ...]] = {
    "int_type": (int,),
    "float_type": (int, float),
    "bool_type": (bool,),
}


def _put(values: dict[str, Any], place: Place, value: Any) -> None:
    """`values` are the caller's own, and what lies in them is not."""
    *above, key = place
    inner: Any = values
    for part in above:
        inner[part] = inner[part].copy()
        inner = inner[part]
    inner[key] = value


def check_name(node: Node, what: str, report: Report) -> bool:
    """Whether a node is a name that an identity can be made of."""
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        report.at(node, "E203", f"{what} takes text, not {kind(node)}", help=_as_text(node))
        return False
    if _NAME.fullmatch(node.value):
        return True
    report.at(
        node, "E206", f"'{shortened(node.value)}' cannot be {what}", help=_name_advice(node.value)
    )
    return False


_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")

_CODES = {
    "task": "E301", "on_end": "E301", "app": "E301", "for": "E301", "not_for": "E301", "tasks": "E215",
    "sensitive": "E206", "links": "E221",
}  # fmt: skip
"""Key → the code of what is wrong with its text; any other is a duration."""
_SHORTHANDS = {"retry": "a whole number or a mapping", "catch_up": "a policy or a mapping"}


def _report(found: Any, tree: Mapping, whole: Node, report: Report) -> None:
    place: Place = found["loc"]
    key = next((str(part) for part in reversed(place) if isinstance(part, str)), "")
    in_list = bool(place) and isinstance(place[-1], int)
    if found["type"] == "missing":
        _report_missing(key, place[:-1], tree, whole, report)
        return
    node = _node_at(tree, place)
    if node is None:
        node = whole
    if not report.is_first(node, f"{found['type']} {key}"):
        return  # words take long, and a default is wrong in thousands of jobs
    key = _as_written(tree, place, key)
    code, message, advice = _in_words(found, key, node, in_list=in_list)
    report.at(node, code, message, help=advice)


def _as_written(tree: Mapping, place: Place, key: str) -> str:
    """`catch_up` where `catch_up: all` stands for a mapping with `policy`, a key nobody wrote."""
    parent = _node_at(tree, place[:-1]) if len(place) > 1 else None
    entry = parent.entries.get(key) if isinstance(parent, Mapping) else None
    is_shorthand = entry is not None and entry.key is entry.value
    return str(place[-2]) if is_shorthand else key


EXAMPLES = {
    "task": "write task: package.module.callable",
    "command": "write command: [program, argument]",
    "solar": "write solar: {event: sunrise, latitude: 52.5, longitude: 13.4}",
    "dst": "write dst: {gap: skip, overlap: first}",
    "links": "write links: {Runbook: https://wiki.example.com/nightly}",
    "when": "write when: [failure]",
    "cron": 'write cron: "30 5 * * *"',
    "to": "write to: [name of a notifier]",
    "catch_up": "write catch_up: latest, or catch_up: {policy: all, max: 24}",
}
"""Key → what is written below it, as an example."""


def _report_missing(key: str, above: Place, tree: Mapping, whole: Node, report: Report) -> None:
    """At the key that it is missing below."""
    below = str(above[-1]) if above else key
    outer = _node_at(tree, above[:-1]) if above else None
    entry = outer.entries.get(below) if isinstance(outer, Mapping) else None
    if entry is not None and isinstance(entry.value, Mapping):
        known = KEYS.get(below, entry.value.entries)
        if any(
            name not in known and not name.startswith(EXTENSION) for name in entry.value.entries
        ):
            return  # an unknown key has its own message; a second one would only confuse
        whole = entry.key
    advice = EXAMPLES.get(below, f"write '{key}: …'")
    report.at(whole, "E205", f"'{key}' is missing", help=advice)


def _node_at(tree: Mapping, place: Place) -> Node | None:
    node: Node | None = tree
    for part in place:
        if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
            node = node.get(part)
        elif isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            # A single value that stands for a list of one, or a shorthand.
            return node if node is not tree else None
    return node


def _in_words(found: Any, key: str, node: Node, *, in_list: bool) -> tuple[str, str, str]:
    """(code, message, help) of one of pydantic's errors."""
    what = f"each of '{key}'" if in_list else f"'{key}'"
    context: dict[str, Any] = found.get("ctx", {})
    expected = _EXPECTED.get(found["type"])
    if expected is not None:
        words, advice = expected
        instead = advice(node)
        if words == "a mapping":
            words, instead = _SHORTHANDS.get(key, words), EXAMPLES.get(key, instead)
            instead = _as_retry(node) if key == "retry" else instead
        if key in {"cron", "command"}:
            instead = EXAMPLES[key]
        return "E203", f"{what} takes {words}, not {kind(node)}", instead
    match found["type"]:
        case "literal_error":
            return _one_of(key, node, str(context.get("expected", "")))
        case "string_pattern_mismatch":
            text = str(node.value) if isinstance(node, Scalar) else ""
            return "E206", f"'{shortened(text)}' cannot be a name", _name_advice(text)
        case "greater_than_equal":
            return "E204", f"{what} is at least {_number(context['ge'])}", "write a larger number"
        case "less_than_equal":
            return "E204", f"{what} is at most {_number(context['le'])}", "write a smaller number"
        case "string_too_short":
            return "E204", f"{what} cannot be empty", "remove it"
        case "too_short":
            return "E204", f"{what} cannot be an empty list", EXAMPLES.get(key, "remove it")
        case "string_too_long":
            return "E204", f"{what} is longer than {context['max_length']} characters", "shorten it"
        case "value_error":
            place = found["loc"]
            return _own_sentence(key if place[0] != "links" else "links", str(context["error"]))
        case _:
            return "E204", f"{what} cannot have this value", ""


def _own_sentence(key: str, sentence: str) -> tuple[str, str, str]:
    """A ValueError of our own: what is wrong, and after the semicolon what to write."""
    message, _, advice = sentence.partition("; ")
    return _CODES.get(key, "E207"), message, advice


def _one_of(key: str, node: Node, expected: str) -> tuple[str, str, str]:
    choices = tuple(re.findall(r"'([^']*)'", expected))
    listed = f"one of: {', '.join(choices)}"
    if not (isinstance(node, Scalar) and isinstance(node.value, str)):
        return "E203", f"'{key}' takes a word, not {kind(node)}", listed
    guess = did_you_mean(node.value, choices)
    meant = f"did you mean '{guess}'? {listed}" if guess else listed
    return "E204", f"'{shortened(node.value)}' is no value of '{key}'", meant


def _number(bound: float) -> str:
    return f"{bound:,g}"


def _name_advice(text: str) -> str:
    proposed = _NOT_IN_NAMES.sub("-", text.lower()[:100]).strip("-._")
    rule = "lower-case letters, digits, '.', '_' and '-', at most 100, a letter or digit first"
    return f"write '{proposed}'; names are {rule}" if proposed else f"names are {rule}"


def _as_text(node: Node) -> str:
    if isinstance(node, Scalar) and node.value is not None:
        written = node.source.line(node.line)[node.column - 1 :][: node.width]
        return f'quote it: "{written}"'
    return "write a text"


def _as_number(node: Node) -> str:
    if isinstance(node, Scalar) and isinstance(node.value, str) and _DIGITS.fullmatch(node.value):
        return f"write {node.value} without quotes"
    if isinstance(node, Scalar) and isinstance(node.value, float) and node.value.is_integer():
        return f"write {node.value:.0f}"
    return "write a number, for example 3"


def _as_retry(node: Node) -> str:
    advice = _as_number(node)
    is_example = advice.endswith("for example 3")
    return "write retry: 3, or retry: {max_retries: 3, delay: 10s}" if is_example else advice


_DIGITS = re.compile(r"[0-9]{1,18}")
_YES_AND_NO = {
    "yes": "true", "on": "true", "y": "true", "1": "true", "true": "true",
    "no": "false", "off": "false", "n": "false", "0": "false", "false": "false",
}  # fmt: skip


def _as_flag(node: Node) -> str:
    text = str(node.value).lower() if isinstance(node, Scalar) else ""
    return f"write {_YES_AND_NO.get(text, 'true or false')}"


def _as_list(node: Node) -> str:
    if isinstance(node, Scalar) and node.value is not None:
        return f"write [{shortened(str(node.value))}]"
    return "write [a, b]"


def _as_mapping(_: Node) -> str:
    return "write {key: value}, or 'key: value' lines below it, indented"


_EXPECTED: dict[str, tuple[str, Callable[[Node], str]]] = {
    "string_type": ("text", _as_text),
    "int_type": ("a whole number", _as_number),
    "int_from_float": ("a whole number", _as_number),
    "float_type": ("a number", _as_number),
    "bool_type": ("true or false", _as_flag),
    "tuple_type": ("a list", _as_list),
    "list_type": ("a list", _as_list),
    "dict_type": ("a mapping", _as_mapping),
    "model_type": ("a mapping", _as_mapping),
    "model_attributes_type": ("a mapping", _as_mapping),
}
"""pydantic's type of an error → what the key takes, and advice from the node that stands there."""
