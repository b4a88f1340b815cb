"""The reference page of the API, written from its OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any

_HEAD = """\
# REST API

<!-- Written by docs/make_api.py from the OpenAPI document. -->

"""
Node = Mapping[str, Any]


def api_reference(document: Node) -> str:
    """The whole page, in Markdown."""
    lines = [document["info"]["description"]]
    for tag, operations in _by_tag(document).items():
        lines += [f"## {tag[:1].upper()}{tag[1:]}", ""]
        for method, path, operation in operations:
            lines += _operation(document, method, path, operation)
    return _HEAD + "\n".join(lines).rstrip() + "\n"


def _by_tag(document: Node) -> dict[str, list[tuple[str, str, Node]]]:
    found: dict[str, list[tuple[str, str, Node]]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            found.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return found


def _operation(document: Node, method: str, path: str, operation: Node) -> Iterator[str]:
    yield from (f"### {operation['summary']}", "", f"`{method} {path}`", "")
    if operation.get("description"):
        yield from (operation["description"], "")
    rows = [*_parameters(document, operation), *_body(document, operation)]
    if rows:
        yield from ("| takes | | what |", "|---|---|---|", *rows, "")
    yield from (f"Answers {_answers(operation)}.", "")


def _parameters(document: Node, operation: Node) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        kind = _type(document, parameter["schema"])
        told = parameter.get("description", "")
        yield _row(parameter["name"], parameter["in"], kind, parameter["schema"], told)


def _body(document: Node, operation: Node) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = _resolved(document, content.get("application/json", {}).get("schema", {}))
    for name, field in schema.get("properties", {}).items():
        yield _row(name, "body", _type(document, field), field, field.get("description", ""))


def _row(name: str, place: str, kind: str, schema: Node, told: str) -> str:
    default = schema.get("default")
    tail = "" if default in {None, ""} else f" Default `{default}`."
    words = f"{kind}. {told}{tail}".replace("|", "\\|").replace("\n", " ")
    return f"| `{name}` | {place} | {words} |"


def _type(document: Node, schema: Node) -> str:
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return " or ".join(_one_type(document, one) for one in options)


def _one_type(document: Node, schema: Node) -> str:
    schema = _resolved(document, schema)
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"several of: {_type(document, schema.get('items', {}))}"
    return str(schema.get("format", schema.get("type", "any JSON")))


def _answers(operation: Node) -> str:
    told = []
    for status, answer in operation["responses"].items():
        if status != "default":
            schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
            name = schema.get("$ref", "").rpartition("/")[2]
            told.append(f"`{status}`" + (f" with `{name}`" if name else ""))
    return ", ".join(told)


def _resolved(document: Node, schema: Node) -> Node:
    reference = schema.get("$ref", "")
    if not reference:
        return schema
    found: Node = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found
