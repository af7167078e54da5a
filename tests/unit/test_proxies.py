"""What a request says about its way is believed only from known proxies."""

from __future__ import annotations

import ipaddress

import pytest
from django.http import HttpRequest, HttpResponse

from dashboard.proxies import ForwardedMiddleware


@pytest.mark.parametrize(
    ("address", "is_kept"), [("10.1.2.3", True), ("192.0.2.1", False), ("::1", False), ("", False), ("unix", False)]
)
def test_forwarded_headers(settings, address, is_kept):
    settings.TRUSTED_PROXIES = (ipaddress.ip_network("10.0.0.0/8"),)
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": address, "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_FOR": "192.0.2.9"}
    ForwardedMiddleware(lambda request: HttpResponse())(request)
    assert ("HTTP_X_FORWARDED_PROTO" in request.META) is is_kept
    assert ("HTTP_X_FORWARDED_FOR" in request.META) is is_kept
