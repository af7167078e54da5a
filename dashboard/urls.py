"""Every address of the service; the only module that imports the apps."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def healthz(request: HttpRequest) -> HttpResponse:
    """Answer that this process serves requests; asks neither Redis nor the database, so that both may be away."""
    return HttpResponse(b'{"status":"ok"}', content_type="application/json")


# Session ids contain slashes, so the longer addresses, those of runs, are tried before those of sessions.
urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
    path("api/", include("dashboard.api.urls")),
    path("api/", include("bots_app.api_urls")),
    path("api/", include("sessions_app.api_urls")),
    path("", include("dashboard.web.urls")),
    path("", include("bots_app.page_urls")),
    path("", include("sessions_app.page_urls")),
]

handler400 = "dashboard.web.errors.bad_request"
handler403 = "dashboard.web.errors.permission_denied"
handler404 = "dashboard.web.errors.page_not_found"
handler500 = "dashboard.web.errors.server_error"
