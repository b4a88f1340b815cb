"""Texts of YAML as people write them: any indentation, any quotes, comments and empty lines anywhere."""

from hypothesis import strategies as st

WORDS = ["acme.tasks.run", "x", "it is so", "30 5 * * 1-5", "@daily", "no", "12:30", "5", "-1.5", "null",
         "on", "true", "a: b", "a #b", "#b", "é ü", "it's", 'say "so"', "back\\slash", "",
         "[x]", "${A:-b}", "~", "*x", "<<"]  # fmt: skip
PLAIN = [
    "acme.tasks.run",
    "it is so",
    "30 5 1-5",
    "no",
    "12:30",
    "5",
    "-1.5",
    "null",
    "true",
    "é",
    "it's",
    "~",
]
ORDERED_KEYS = ["version", "namespace", "defaults", "jobs"]
KEYS = ["a", "b", "nightly", "task", "schedule", '"quoted"', "'single'", "x-own"]
COMMENTS = st.sampled_from(["# one", "#two", "# three # four", "#"])
GAPS = st.sampled_from([" ", "  ", "     "])


@st.composite
def texts(draw: st.DrawFn, *, any_order: bool = True) -> str:
    """One or two documents. Not in `any_order`: without the keys that have an order of their own."""
    documents = [draw(_blocks(0, any_order=any_order)) for _ in range(draw(st.integers(1, 2)))]
    text = draw(_lead(0)) + draw(st.sampled_from(["", "---\n", "---  # first\n"]))
    text += f"{draw(_lead(0))}---\n".join(documents) + draw(_lead(0))
    return text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"])))


@st.composite
def _blocks(draw: st.DrawFn, indentation: int, depth: int = 0, *, any_order: bool = False) -> str:
    if draw(st.booleans()) or depth == 0:
        names = draw(
            st.lists(
                st.sampled_from(KEYS + ORDERED_KEYS * (depth == 0 and any_order)),
                min_size=1,
                max_size=4,
                unique_by=_bare,
            )
        )
        heads = [f"{name}:" for name in names]
    else:
        heads = ["-"] * draw(st.integers(1, 3))
    return "".join(draw(_item(head, indentation, depth)) for head in heads)


def _bare(name: str) -> str:
    return name.strip("'\"")


@st.composite
def _item(draw: st.DrawFn, head: str, indentation: int, depth: int) -> str:
    begun = draw(_lead(indentation)) + " " * indentation + head
    kind = draw(st.sampled_from(["scalar", "flow", "block", "text", "none", "folded", "below"]))
    deeper = indentation + draw(st.sampled_from([2, 4, 3]))
    if kind == "block" and depth < 3:
        anchor = draw(st.sampled_from(["", "", " &anchor"])) if head != "-" else ""
        below = draw(_blocks(deeper, depth + 1))
        return f"{begun}{anchor}{draw(_tail())}{below}"
    if kind == "flow":
        return f"{begun} {draw(_flow())}{draw(_tail())}"
    if kind == "text":
        return begun + draw(_block_text(deeper))
    if kind == "folded":
        quote = draw(st.sampled_from(["", "'", '"']))
        return f"{begun} {quote}one\n{' ' * deeper}two\n\n{' ' * deeper}three{quote}{draw(_tail())}"
    if kind == "below":
        return f"{begun}{draw(_tail())}{draw(_lead(deeper))}{' ' * deeper}{draw(_scalar())}{draw(_tail())}"
    value = f" {draw(_scalar())}" if kind == "scalar" else ""
    return f"{begun}{value}{draw(_tail())}"


@st.composite
def _scalar(draw: st.DrawFn) -> str:
    style = draw(st.sampled_from(["plain", "single", "double"]))
    if style == "plain":
        return draw(st.sampled_from(PLAIN))
    word = draw(st.sampled_from(WORDS))
    if style == "single":
        return "'" + word.replace("'", "''") + "'"
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


@st.composite
def _flow(draw: st.DrawFn, depth: int = 0) -> str:
    space = draw(st.sampled_from(["", " ", "\n        ", "  # inside\n        "]))
    values = st.deferred(lambda: _flow(depth + 1)) if depth < 2 else _scalar()
    items = draw(st.lists(_scalar() | values, max_size=3))
    if draw(st.booleans()):
        return f"[{space}{', '.join(items)}{space}]"
    entries = [f"k{number}: {item}" for number, item in enumerate(items)]
    return f"{{{space}{f',{space} '.join(entries)}{space}}}"


@st.composite
def _block_text(draw: st.DrawFn, indentation: int) -> str:
    header = draw(st.sampled_from(["|", ">", "|-", ">-", "|+", ">+", "|  # beside"]))
    lines = draw(
        st.lists(st.sampled_from(["text", "  deeper", "", "# no comment", "a: b "]), max_size=4)
    )
    margin = " " * indentation
    body = "".join(f"{margin}{line}\n" if line else "\n" for line in ["first", *lines])
    return f" {header}\n{body}"


@st.composite
def _lead(draw: st.DrawFn, indentation: int) -> str:
    """What may stand above a line."""
    lines = draw(
        st.lists(st.just("") | COMMENTS.map(lambda text: " " * indentation + text), max_size=2)
    )
    return "".join(f"{line}\n" for line in lines)


@st.composite
def _tail(draw: st.DrawFn) -> str:
    if draw(st.integers(0, 3)):
        return draw(st.sampled_from(["\n", " \n"]))
    return draw(GAPS) + draw(COMMENTS) + "\n"
