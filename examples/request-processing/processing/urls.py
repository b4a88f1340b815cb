"""Addresses. The page itself, /, is one of the assets, which WhiteNoise serves."""

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.urls import path

from processing import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view()),
    path("api/requests/", views.requests),
    path("api/requests/<uuid:request_id>/", views.status),
    path("api/requests/<uuid:request_id>/events/", views.events),
]
