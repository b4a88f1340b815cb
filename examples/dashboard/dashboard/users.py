"""Who calls: the dashboard's own users, by JWTs that jobrunner reads as well."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import jwt
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

_VALID_FOR = timedelta(hours=1)
View = Callable[..., HttpResponseBase]


def token_for(user: User) -> str:
    """For an hour. Without a role its user sees his own runs, and starts none but by this dashboard."""
    claims: dict[str, Any] = {"sub": user.get_username(), "exp": timezone.now() + _VALID_FOR}
    if user.is_superuser:
        claims["role"] = "admin"
    elif user.is_staff:
        claims["role"] = "operator"
    return jwt.encode(claims, settings.JWT_KEY, algorithm="HS256")


def for_users(view: View) -> View:
    """The view gets the user as its second argument; whoever is none gets 401."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = _user_of(request)
        if user is None:
            told = {"error": "Send the header 'Authorization: Bearer …'."}
            return JsonResponse(told, status=401, headers={"WWW-Authenticate": "Bearer"})
        return view(request, user, *args, **kwargs)

    return guarded


def _user_of(request: HttpRequest) -> User | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not settings.JWT_KEY:
        return None
    try:
        claims = jwt.decode(
            token, settings.JWT_KEY, algorithms=["HS256"], options={"require": ["exp", "sub"]}
        )
    except jwt.InvalidTokenError:
        return None
    return User.objects.filter(username=claims["sub"], is_active=True).first()
