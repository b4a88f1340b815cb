from django.contrib import admin
from django.urls import path

from focus.views import coming

urlpatterns = [path("", coming), path("admin/", admin.site.urls)]
