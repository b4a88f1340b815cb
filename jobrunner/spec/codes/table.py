"""All codes. `tests/bad/` holds a bad project for each, and tests read every example."""

from jobrunner.spec.codes import of_calls, of_composition, of_files, of_jobs, of_keys, of_lints
from jobrunner.spec.codes.code import Code

SECTIONS: dict[str, dict[str, Code]] = {
    "Files and text": of_files.CODES,
    "Keys and values": of_keys.CODES,
    "What is put together from several places": of_composition.CODES,
    "Callables": of_calls.CODES,
    "Across files": of_jobs.CODES,
    "Lints": of_lints.CODES,
}
"""Heading → code → what it says, in the order of the page."""

CODES: dict[str, Code] = {
    code: found for codes in SECTIONS.values() for code, found in codes.items()
}
