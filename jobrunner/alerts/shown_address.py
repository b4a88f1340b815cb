"""What is shown of the address of a notifier: whoever knows all of it can write there."""

from functools import lru_cache
from hashlib import pbkdf2_hmac
from json import dumps
from typing import Any
from urllib.parse import urlsplit

from jobrunner.spec.notifiers import KEY_LIKE
from jobrunner.spec.secrets import in_words, reference_of

_SERVER, _FINGERPRINT = "server", "fingerprint"
_HAVE_A_HOST = frozenset({"http", "https", "json", "jsons", "smtp", "smtps", "mailto", "mailtos"})
"""In the addresses of other services a token often stands where a host would be."""
_ROUNDS = 20_000
"""A password can be short enough to be guessed: each guess costs some milliseconds."""
_FINGERPRINT_BYTES = 4


def hidden_address(url: Any) -> Any:
    """A JSON value to be shown and kept in place of an address: its scheme and host, and a fingerprint
    of the whole, `{"server": "https://hooks.example.com", "fingerprint": "9b1c04de"}`.

    A reference to a secret stays as it is, and so does what is hidden already.
    """
    if reference_of(url) is not None or _is_hidden(url):
        return url
    whole = url if isinstance(url, str) else dumps(url, sort_keys=True)
    return {_SERVER: _server(whole), _FINGERPRINT: _fingerprint(whole)}


def address_words(hidden: Any) -> str:
    """Of what `hidden_address` gives: `https://hooks.example.com/… (9b1c04de)`, `(secret env:ONCALL_URL)`."""
    if (named := in_words(hidden)) is not None:
        return named
    server = hidden[_SERVER]
    slash = "" if not server or server.endswith("/") else "/"
    return f"{server}{slash}… ({hidden[_FINGERPRINT]})"


def _is_hidden(url: Any) -> bool:
    return isinstance(url, dict) and url.keys() == {_SERVER, _FINGERPRINT}


def _server(address: str) -> str:
    """`https://hooks.example.com`; `tgram://` where no more can be told; '' for what is no address."""
    scheme, mark, _ = address.partition("://")
    if not mark:
        return ""
    host = _host(address) if scheme.lower() in _HAVE_A_HOST else ""
    return f"{scheme.lower()}://{host}"


def _host(address: str) -> str:
    """'' when it is not sure where the host begins and the password ends: a slash in a password, say."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return ""
    is_unsure = "@" in parts.path + parts.fragment or KEY_LIKE.search(host)
    return "" if is_unsure else host


@lru_cache(maxsize=256)
def _fingerprint(address: str) -> str:
    text = address.encode("utf-8", "surrogatepass")
    return pbkdf2_hmac("sha256", text, b"jobrunner notifier", _ROUNDS, _FINGERPRINT_BYTES).hex()
