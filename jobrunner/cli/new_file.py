"""Files that a command writes where nothing is yet."""

from pathlib import Path

from jobrunner.errors import JobrunnerError


def write_new(file: Path, content: str) -> bool:
    """With the folders above it. False when it exists, whatever it is: then it stays as it is.

    Raises JobrunnerError.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(content)
    except FileExistsError:
        return False
    except OSError as error:
        raise JobrunnerError(f"{file} cannot be written: {error.strerror}.") from error
    return True
