"""What the YAML parser complains of, in plain words, with the mend."""

import re
from dataclasses import dataclass

import yaml

from jobrunner.spec.surrogates import pair_at
from jobrunner.spec.text import character_in_words
from jobrunner.spec.tree import Source

# An expression as it stands unquoted behind a key or a dash. A comma belongs to it only when the
# next field value follows at once: `{cron: */5 * * * *, jitter: 2m}`.
_UNQUOTED = re.compile(r"(?<=[:-][ \t])[ \t]*([*@](?:[\w*/#?.-]|,(?=[\w*])|[ \t]+(?=[\w*/?]))*)")
_ALIAS = re.compile(r"\*[0-9A-Za-z_-]")
_BESIDE = r"""(?:[^\s,:\[\]{}"'$]|\$(?!\{))*"""
_VARIABLE = re.compile(rf"""{_BESIDE}(?:\$\{{[^}}"']*\}}{_BESIDE})+""")
"""`${NAME}` as it stands unquoted, with what stands around it."""
_QUOTES = "\"'"
_CLOSED_BEFORE = re.compile(r"""(["'\]}])[ \t]*$""")
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class YamlMistake:
    """Why the parser stopped. `mend` is an expression that lacks its quotes: start, end, text."""

    line: int
    column: int
    code: str
    message: str
    help: str
    width: int = 1
    mend: tuple[int, int, str] | None = None


def explain(error: yaml.YAMLError, source: Source, text: str) -> YamlMistake:
    """The mistake behind an exception of the parser. `text` is what the parser read."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", "") or "")
    context = str(getattr(error, "context", None) or "")
    mark = getattr(error, "problem_mark", None)
    opened = getattr(error, "context_mark", None) or mark
    if mark is None or opened is None:
        return YamlMistake(1, 1, "E103", f"the text is not YAML: {problem}", "")
    line, column = _inside(source, mark.line + 1, mark.column + 1)
    if "alphabetic or numeric" in problem or "cannot start any token" in problem:
        expression = _unquoted_expression(source, opened.line + 1, opened.column + 1, text)
        if expression is not None:
            return expression
    if "while parsing a flow" in context:
        expression = _unquoted_variable(source, mark.line + 1, mark.column + 1, text)
        if expression is not None:
            return expression
    if (behind := _behind_its_end(source, line, column, context)) is not None:
        return YamlMistake(line, column, "E103", *behind)
    if "invalid Unicode character escape" in problem:
        return _no_character(source, line, column)
    opened_line, opened_column = _inside(source, opened.line + 1, opened.column + 1)
    for words, answer in _ANSWERS:
        if words in problem or words in context:
            message, advice, at_opening = answer
            place = (opened_line, opened_column) if at_opening else (line, column)
            shown = {"line": opened_line, "character": _character(source, line, column)}
            return YamlMistake(*place, "E103", message.format(**shown), advice.format(**shown))
    return YamlMistake(line, column, "E103", f"the text cannot be read as YAML here: {problem}", "")


_QUOTE_IT = "put the text in quotes"
KEY_WITHOUT_COLON = "a key without ':', or a text that should be in quotes"
"""It is told at the key: what lies behind it on its line has not been understood."""
_LINE_UP = "keys of one mapping start in the same column, each as 'key: value'"

# A part of the parser's problem or context → message, advice, and whether to show where the
# construct began rather than where the parser gave up. The first match wins.
_ANSWERS: tuple[tuple[str, tuple[str, str, bool]], ...] = (
    ("mapping keys are not allowed", ("a '?' cannot stand here", _QUOTE_IT, False)),
    ("tab character", (
        "a tab stands in the indentation", "use spaces for indentation", False)),
    ("found unexpected ':'", (
        "a ':' without a space after it", "write 'key: value', or put the text in quotes", False)),
    ("while parsing a block node", (
        "{character} has no beginning, or cannot start a value", _QUOTE_IT, False)),
    ("mapping values are not allowed", (
        "a second ': ' in one value, or a line that is indented too far",
        "put the value in quotes, or line the key up with its neighbours", False)),
    ("sequence entries are not allowed", (
        "a list cannot start here", "start it on the next line, or write it as [a, b]", False)),
    ("unknown escape character", (
        "an unknown escape in double quotes", "use single quotes, or write the backslash twice", False)),
    ("escape sequence did not find expected", (
        "an escape that is not complete", "use single quotes, or write the backslash twice", False)),
    ("did not find expected hexdecimal", (
        "an escape that is not complete", "use single quotes, or write the backslash twice", False)),
    ("while scanning a quoted scalar", (
        "the quote that opens here is never closed", "close it on the same line", True)),
    ("while parsing a quoted scalar", (
        "the quote that opens here is never closed", "close it on the same line", True)),
    ("while scanning a block scalar", (
        "a block text that cannot be read", "indent its lines by spaces, all by the same number", False)),
    ("cannot start any token", (
        "{character} cannot start a value or an indentation",
        "use spaces for indentation, and quotes around a value that starts so", False)),
    ("while parsing a flow mapping", (
        "the '{{' that opens here is not closed, or a comma is missing",
        "write {{key: value, key: value}}", True)),
    ("while parsing a flow sequence", (
        "the '[' that opens here is not closed, or a comma is missing", "write [a, b, c]", True)),
    ("while parsing a flow node", (
        "a value is missing here, or a bracket is not closed", "write [a, b] or {{key: value}}", False)),
    ("while parsing a block collection", (
        "this line does not line up with the list that starts at line {line}",
        "items of one list start in the same column, each with '- '", False)),
    ("while parsing a block mapping", (
        "this line does not line up with the keys that start at line {line}", _LINE_UP, False)),
    ("could not find expected ':'", (
        KEY_WITHOUT_COLON, "write 'key: value'", True)),
    ("alphabetic or numeric character", (
        "'&' and '*' are YAML's signs for anchors and aliases", _QUOTE_IT, True)),
    ("incompatible YAML document", (
        "this version of YAML is not known", "remove the %YAML line; version 1.2 is read", False)),
    ("tag", ("a tag that cannot be read", "tags are not used here; remove it", True)),
    ("directive", ("a line that starts with '%' is an instruction to YAML", _QUOTE_IT, True)),
    ("<document start>", (
        "text after the end of the document", "start another document with '---', or indent it", False)),
)  # fmt: skip


def _behind_its_end(source: Source, line: int, column: int, context: str) -> tuple[str, str] | None:
    """(message, help) where the parser stopped behind a quote or a bracket that closes a value, at something
    that stands on the same line. Between brackets a comma may be missing as well.
    """
    shown = source.line(line)
    found = _CLOSED_BEFORE.search(shown[: column - 1])
    stopped_at = shown[column - 1 : column]
    if found is None or not stopped_at:
        return None
    message = f"text stands behind the closing {'quote' if found[1] in _QUOTES else 'bracket'}"
    if "while parsing a block" in context:
        return message, "put the whole value in quotes, or remove what stands behind it"
    if "while parsing a flow" in context and stopped_at not in ",:]}":
        return (
            f"{message}, or a comma is missing",
            "put the whole value in quotes, or write ',' before the next one",
        )
    return None


def _unquoted_expression(source: Source, line: int, column: int, text: str) -> YamlMistake | None:
    """`cron: */5 * * * *` or `cron: @daily`: YAML reads an alias or nothing at all."""
    found = None
    for candidate in _UNQUOTED.finditer(source.line(line)):
        if candidate.start(1) < column <= candidate.end(1):
            found = candidate
    return None if found is None else _unless_mended(source, line, found.span(1), text)


def _unquoted_variable(source: Source, line: int, column: int, text: str) -> YamlMistake | None:
    """`{bucket: ${BUCKET}}`: between braces YAML reads another mapping."""
    for candidate in _VARIABLE.finditer(source.line(line)):
        if candidate.start() < column <= candidate.end():
            return _unless_mended(source, line, candidate.span(), text)
    return None


def _unless_mended(
    source: Source, line: int, span: tuple[int, int], text: str
) -> YamlMistake | None:
    """The mistake of an expression between two indexes of its line."""
    start, end = span
    expression = source.line(line)[start:end]
    if not text.startswith(expression, source.index(line, start + 1)):
        return None
    return to_be_quoted(source, (line, start + 1), expression)


def unquoted_behind(source: Source, text: str, start: int) -> list[tuple[int, int]]:
    """From where to where what looks like an expression without quotes stands behind the index `start`,
    of those that no alias could be. It may as well be a part of a text, or of a comment.
    """
    return [
        found.span(1)
        for found in _UNQUOTED.finditer(text, start)
        if not _ALIAS.match(found[1]) and source.line(source.place(found.start(1))[0])
    ]


def to_be_quoted(source: Source, place: tuple[int, int], expression: str) -> YamlMistake:
    """What to say of an expression that stands at a line and column."""
    line, column = place
    shown = source.line(line)
    begin, width = source.index(line, column), len(expression)
    before, after = shown[: column - 1].lstrip(), shown[column - 1 + width :].rstrip()
    is_expression = expression[0] in "*@"
    return YamlMistake(
        line, column, "E104",
        "YAML reads '*' and '@' as signs of its own here"
        if is_expression
        else "between braces YAML reads the '{' of '${…}' as its own",
        f'quote the expression: {before}"{expression}"{after}',
        width=width, mend=(begin, begin + width, expression),
    )  # fmt: skip


def _no_character(source: Source, line: int, column: int) -> YamlMistake:
    """What the escape lacks, behind whose first two characters the parser has stopped."""
    start = column - 3
    shown = source.line(line)
    written = shown[start : start + 6]
    character = pair_at(shown, start)
    if character is not None:  # only so many of them are joined in one text
        written = shown[start : start + 12]
        message = (
            f"{written} is one character as JSON writes it, and this file has too many of them"
        )
        advice = f"write \\U{ord(character):08X}, or the character itself"
    elif _HALF.fullmatch(written):
        message = f"{written} is half of a character"
        advice = "write both halves, one behind the other, or the character itself"
    else:
        message, advice = "an escape that is no character", "the last one there is: \\U0010FFFF"
        written = ""
    return YamlMistake(line, start + 1, "E103", message, advice, width=max(2, len(written)))


def _inside(source: Source, line: int, column: int) -> tuple[int, int]:
    """The end of the text is shown at the end of its last line that says something."""
    if line < len(source.lines) or source.line(line):
        return line, column
    while line > 1 and not source.line(line).strip():
        line -= 1
    return line, len(source.line(line)) + 1


def _character(source: Source, line: int, column: int) -> str:
    character = source.line(line)[column - 1 : column]
    if not character:
        return "this"
    return (
        f"'{character}'"
        if character.isprintable() and character != " "
        else character_in_words(character)
    )
