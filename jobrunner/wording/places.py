"""Where a job is written, in words."""

API_FILE = "api"
"""In the place of a file's path: no file defines the job, a program has made it. Job files end in .yaml."""


def place(file: str, line: int) -> str:
    """`jobs.d/reports.yaml:8`, or that there is no file."""
    return "the API" if file == API_FILE else f"{file}:{line}"
