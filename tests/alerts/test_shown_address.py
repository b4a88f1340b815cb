"""What is shown of an address tells it from another one, and lets nobody write there."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobrunner.alerts.shown_address import address_words, hidden_address

REFERENCE = {"secret": "env:ONCALL_URL"}
PART = st.text("abcdefgh0123456789-._~", min_size=6, max_size=20)


def server(address: str) -> str:
    shown = address_words(hidden_address(address))
    return shown.partition("…")[0]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://hooks.example.com/T0/B0/XXXX", "https://hooks.example.com/"),
        ("HTTP://Hooks.Example.com:8443", "http://hooks.example.com/"),
        ("https://ada:password@hooks.example.com/in", "https://hooks.example.com/"),
        ("smtp://ada:password@mail.example.com:587?to=a@b.example", "smtp://mail.example.com/"),
    ],
)
def test_the_scheme_and_the_host_are_shown(address: str, shown: str) -> None:
    assert server(address) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("tgram://123456:token/chat", "tgram://"),
        ("slack://token-a/token-b", "slack://"),
        ("https://eo1d2f3a4b5c6d7e.hooks.example", "https://"),
        ("https://ada:pass/word@hooks.example", "https://"),
        ("https://ada/pass@hooks.example", "https://"),
        ("https://ada#pass@hooks.example", "https://"),
        ("https://[::1/in", "https://"),
        ("a token and nothing else", ""),
    ],
)
def test_a_host_that_may_be_a_token_or_a_password_is_not_shown(address: str, shown: str) -> None:
    assert server(address) == shown


@settings(max_examples=50)
@given(user=PART, password=PART, path=PART)
def test_no_part_that_opens_a_door_is_shown(user: str, password: str, path: str) -> None:
    address = f"https://{user}:{password}@hooks.example/{path}?key={path}"
    shown = address_words(hidden_address(address)).replace("https://hooks.example/…", "")
    assert user not in shown
    assert password not in shown
    assert path not in shown


def test_two_addresses_of_one_host_are_told_apart() -> None:
    one, other = (hidden_address(f"https://hooks.example/{name}") for name in "ab")
    assert one != other


def test_what_is_hidden_already_stays() -> None:
    hidden = hidden_address("https://hooks.example/a")
    assert hidden_address(hidden) == hidden


def test_a_reference_is_shown_as_it_is() -> None:
    assert hidden_address(REFERENCE) == REFERENCE
    assert address_words(REFERENCE) == "(secret env:ONCALL_URL)"


@pytest.mark.parametrize("stored", [None, 5, [], {"secret": "no-reference"}, {"server": 1}])
def test_what_a_hand_has_written_into_the_database_is_a_fingerprint(stored: Any) -> None:
    assert address_words(hidden_address(stored)).startswith("… (")
