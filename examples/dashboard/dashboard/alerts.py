"""Is a web hook from jobrunner, and a new one?"""

import hashlib
import hmac
import time

from django.conf import settings
from django.http import HttpRequest

_SECONDS_OLD_MAX = 300


def is_signed(request: HttpRequest) -> bool:
    """By the key that the beat has as JOBRUNNER_ALERTS_SIGNING_KEY."""
    header = request.headers.get("Jobrunner-Signature", "")
    told = dict(part.partition("=")[::2] for part in header.split(","))
    at, signature = told.get("t", ""), told.get("v1", "")
    if not settings.ALERTS_SIGNING_KEY or not at.isdecimal():
        return False
    is_new = abs(time.time() - int(at)) < _SECONDS_OLD_MAX
    key = settings.ALERTS_SIGNING_KEY.encode()
    expected = hmac.new(key, f"{at}.".encode() + request.body, hashlib.sha256).hexdigest()
    return is_new and hmac.compare_digest(expected.encode(), signature.encode())
