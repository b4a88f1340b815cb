"""No text that is kept shows a secret, however it is written or cut."""

import base64
import json
from urllib.parse import quote

import pytest

from jobrunner.masking import MaskedStream, Masker
from jobrunner.output import TAIL_BYTES, Recording

SECRET = 'pä"ss/wörd+1\\x'  # noqa: S105  a canary


@pytest.fixture
def masker() -> Masker:
    made = Masker()
    made.add(SECRET)
    return made


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        quote(SECRET),
        quote(SECRET, safe=""),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"u:{SECRET}@".encode()).decode(),
        base64.b64encode(f"us:{SECRET}@".encode()).decode(),
        base64.b64encode(f"user:{SECRET}@".encode()).decode(),
    ],
)
def test_each_spelling_is_masked(masker: Masker, written: str) -> None:
    masked = masker.text(f"<{written}>")
    assert "***" in masked
    assert (
        len(masked) <= len("<***>") + 12
    )  # what Base64 leaves at the ends tells of the neighbours


def test_other_text_stays_as_it_is(masker: Masker) -> None:
    assert masker.text("nothing to see: pä ss") == "nothing to see: pä ss"


def test_a_value_of_three_characters_is_not_masked() -> None:
    masker = Masker()
    masker.add("abc")
    assert masker.text("abc") == "abc"


def test_of_two_secrets_the_longer_one_is_masked_whole() -> None:
    masker = Masker()
    masker.add(["pass", "password"])
    assert masker.text("password") == "***"


def test_each_line_of_a_key_is_masked() -> None:
    masker = Masker()
    masker.add("-----BEGIN KEY-----\nMIIEpAIBAAKC\n-----END KEY-----")
    assert masker.text("    MIIEpAIBAAKC\r\n") == "    ***\r\n"


def test_numbers_are_masked_in_json_which_stays_json() -> None:
    masker = Masker()
    masker.add({"pin": 12345})
    assert json.loads(masker.json('{"pin": 12345, "text": "is 12345", "on": true}')) == {
        "pin": "***",
        "text": "is ***",
        "on": True,
    }


def test_a_secret_that_looks_like_json_leaves_the_rest_readable() -> None:
    masker = Masker()
    masker.add('", "')
    assert json.loads(masker.json('["one", "two"]')) == ["one", "two"]


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_secret_that_pieces_share_is_masked(masker: Masker, size: int) -> None:
    stream, data = MaskedStream(masker), f"before {SECRET} after".encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    shown = b"".join(stream.feed(piece) for piece in pieces) + stream.end()
    assert shown.decode() == "before *** after"


def test_only_what_may_become_a_secret_is_held_back(masker: Masker) -> None:
    stream = MaskedStream(masker)
    assert stream.feed(b"a line\n") == b"a line\n"
    assert stream.feed("then pä".encode()) == b"then "


def test_what_was_held_back_and_became_nothing_is_shown_at_the_end(masker: Masker) -> None:
    stream = MaskedStream(masker)
    stream.feed("pä".encode())
    assert stream.end().decode() == "pä"


def test_a_cut_of_the_output_leaves_no_half_of_a_secret(masker: Masker) -> None:
    recording = Recording(masker=masker)
    recording.write(f"{SECRET}\n".encode() * (3 * TAIL_BYTES // len(SECRET)))
    recording.end()
    batch = recording.batch()
    assert batch is not None
    assert set("".join(text for _, text in batch.pieces)) <= set(
        "*\n[0123456789, bytes were cut here]"
    )
