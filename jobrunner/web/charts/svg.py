"""Elements of SVG as escaped text."""

from collections.abc import Iterable

from markupsafe import Markup, escape

Attribute = str | float


def element(name: str, *children: str, **attributes: Attribute) -> Markup:
    """`<name …>…</name>`. In the names of attributes `_` stands for `-`, and one at the end for nothing.

    Children that are no `Markup` are text and are escaped, as the values of attributes are.
    """
    # Put together by hand: a chart has a thousand of them, and Markup.format takes five times as long.
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_written(value))}"'
        for key, value in attributes.items()
    )
    inside = "".join(map(escape, children))
    return Markup(f"<{name}{given}>{inside}</{name}>")  # noqa: S704  names are ours, the rest is escaped


def drawing(width: float, height: float, parts: Iterable[Markup]) -> Markup:
    """The whole picture, in pixels of the page: text has the same size on every screen."""
    return element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewBox=f"0 0 {width:g} {height:g}",
    )


def _written(value: Attribute) -> str:
    return value if isinstance(value, str) else f"{round(value, 1):g}"
