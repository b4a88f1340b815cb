from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from focus.models import Todo

_SHOWN = 50


def coming(request: HttpRequest) -> HttpResponse:
    """What is to be done, the next first."""
    todos = Todo.objects.filter(state=Todo.State.OPEN, occurs_at__gt=timezone.now())
    return render(request, "focus/coming.html", {"todos": todos[:_SHOWN]})
