"""What is wrong with a schedule, as a sentence, and where in its text."""


class ScheduleError(ValueError):
    """A schedule that cannot be meant; `message` is a sentence that says what to write instead.

    `offset` and `width` point at the bad part of the text that was read (characters from 0), so
    that a caret can stand under it; `offset` is None where the whole text is meant.
    """

    def __init__(self, message: str, *, offset: int | None = None, width: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.width = width
