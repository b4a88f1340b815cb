"""One code of the registry."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says, in words and by an example.

    A code never changes its meaning. `text` and `title` are Markdown.
    """

    title: str
    """In a few words."""
    text: str
    """What is wrong, why it is refused or told, and what to write."""
    bad: str = ""
    """A file that gives this code and no other; '' where no short text shows it."""
    good: str = ""
    """The same, mended: it gives none."""
    is_project: bool = False
    """The example is the project file, not a job file."""
    environment: str = ""
    """What is chosen by `-e` when the mended example is read."""
    python: str = ""
    """`acme/tasks.py`, of which the example calls something."""
