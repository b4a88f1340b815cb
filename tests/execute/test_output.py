"""What a run prints is kept within bounds: the first 64 KiB, the last 1 MiB, and how much was cut."""

import logging
import os
import sys
from collections.abc import Callable

import pytest

from jobrunner.masking import MaskedStream, Masker
from jobrunner.output import HEAD_BYTES, TAIL_BYTES, Capture, Recording


def stored(recording: Recording, kept: dict[int, str]) -> str:
    """Carry out all batches as the table would; the whole text in order."""
    while (batch := recording.batch()) is not None:
        kept.update(batch.pieces)
        for number in batch.drop:
            del kept[number]
        recording.confirm()
    return "".join(kept[number] for number in sorted(kept))


def test_short_output_is_kept_whole() -> None:
    recording = Recording()
    recording.write(b"one\n")
    recording.write("zwölf\n".encode())
    assert stored(recording, {}) == "one\nzwölf\n"


def test_nothing_written_is_nothing_to_store() -> None:
    assert Recording().batch() is None


def test_each_write_is_told() -> None:
    told: list[bool] = []
    recording = Recording(on_write=lambda: told.append(True))
    recording.write(b"a")
    recording.write(b"b")
    assert told == [True, True]


def test_a_signals_handler_may_print_in_the_middle_of_a_print() -> None:
    recording = Recording()
    inner: list[bool] = []

    def keep_and_write_again() -> None:
        if not inner:
            inner.append(True)
            recording.write(b"from the handler\n")

    recording._masked = _Interrupted(keep_and_write_again)
    recording.write(b"first\n")
    assert stored(recording, {}) == "first\nfrom the handler\n"


class _Interrupted(MaskedStream):
    def __init__(self, interrupt: Callable[[], None]) -> None:
        super().__init__(Masker())
        self._interrupt = interrupt

    def feed(self, data: bytes) -> bytes:
        self._interrupt()
        return super().feed(data)


def test_a_batch_comes_again_until_it_is_confirmed() -> None:
    recording = Recording()
    recording.write(b"a")
    first = recording.batch()
    recording.write(b"b")
    assert recording.batch() is first
    recording.confirm()
    assert recording.batch() != first


def test_a_character_that_is_cut_in_two_is_whole_again() -> None:
    recording = Recording()
    kept: dict[int, str] = {}
    recording.write("ö".encode()[:1])
    stored(recording, kept)
    recording.write("ö".encode()[1:])
    assert stored(recording, kept) == "ö"


def test_what_is_no_utf_8_and_nul_are_replaced() -> None:
    recording = Recording()
    recording.write(b"a\xff\x00b")
    assert stored(recording, {}) == "a\ufffd\ufffdb"


def test_fault_44_one_huge_write_keeps_its_head_and_its_tail() -> None:
    recording = Recording()
    recording.write(b"h" * HEAD_BYTES + b"m" * 5_000_000 + b"t" * TAIL_BYTES)
    text = stored(recording, {})
    assert text == "h" * HEAD_BYTES + "\n[5,000,000 bytes were cut here]\n" + "t" * TAIL_BYTES


def test_fault_44_output_that_is_stored_as_it_comes_stays_bounded() -> None:
    recording = Recording()
    kept: dict[int, str] = {}
    for _ in range(40):
        recording.write(b"x" * 99_999 + b"\n")
        text = stored(recording, kept)
    assert HEAD_BYTES + TAIL_BYTES <= len(text) < HEAD_BYTES + TAIL_BYTES + 200_000
    assert " bytes were cut here]" in text


FORMATTER = logging.Formatter("%(levelname)s %(message)s")


def test_prints_and_log_lines_go_to_the_run_in_their_order(capture: Capture) -> None:
    capture.install(FORMATTER)
    recording = Recording()
    with capture.record(recording):
        print("one")  # noqa: T201
        logging.getLogger("acme").warning("two %s", 2)
        print("three", file=sys.stderr)  # noqa: T201
        sys.stdout.buffer.write(b"four\n")
    assert stored(recording, {}) == "one\nWARNING two 2\nthree\nfour\n"


def test_a_log_call_with_wrong_arguments_does_not_fail_the_run(
    capture: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    capture.install(FORMATTER)
    recording = Recording()
    with capture.record(recording):
        logging.getLogger("acme").warning("two %d", "words")
        print("on")  # noqa: T201
    assert stored(recording, {}) == "on\n"


def test_outside_a_run_nothing_is_recorded(capture: Capture) -> None:
    recording = Recording()
    with capture.record(recording):
        pass
    assert capture.current() is None
    assert recording.batch() is None


def test_a_process_that_a_run_has_forked_prints_for_itself(capture: Capture) -> None:
    recording = Recording()
    with capture.record(recording):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if capture.current() is None else 1)
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
