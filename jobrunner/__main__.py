"""`python -m jobrunner` is the command `jobrunner`."""

from jobrunner.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
