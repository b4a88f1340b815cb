from django.urls import path

from dashboard import views

urlpatterns = [
    path("api/dashboard/", views.overview),
    path("api/dashboard/token/", views.sign_in),
    path("api/dashboard/refresh/", views.refresh),
    path("api/dashboard/exports/", views.make_export),
    path("api/dashboard/exports/<uuid:export_id>/", views.get_export),
    path("api/dashboard/alerts/", views.take_alert),
]
