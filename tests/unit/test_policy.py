"""The Content-Security-Policy header: django-csp's, made once."""

from __future__ import annotations

import pytest
from csp.constants import HEADER
from csp.decorators import csp_exempt, csp_update
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings

from dashboard.web.middleware import PolicyMiddleware


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("")


def with_nonce(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.csp_nonce))  # type: ignore[attr-defined]


def parts(policy: str) -> list[str]:
    return sorted(policy.split("; "))


@pytest.mark.parametrize("view", [plain, with_nonce, csp_update({"img-src": ["https://example.org"]})(plain)])
def test_the_policy_is_that_of_django_csp(view):
    policies = []
    for middleware in (PolicyMiddleware, CSPMiddleware):
        for _ in range(2):
            response = middleware(view)(RequestFactory().get("/"))
            nonce = response.content.decode() or "no nonce"
            policies.append(parts(response[HEADER].replace(nonce, "NONCE")))
    assert policies == [policies[0]] * 4
    assert "default-src 'self'" in policies[0]


def test_an_exempt_answer_and_one_with_its_own_policy_are_left_alone():
    middleware = PolicyMiddleware(csp_exempt()(plain))
    assert HEADER not in middleware(RequestFactory().get("/"))
    own = PolicyMiddleware(lambda request: HttpResponse("", headers={HEADER: "default-src 'none'"}))
    assert own(RequestFactory().get("/"))[HEADER] == "default-src 'none'"


def test_other_settings_make_another_policy():
    middleware = PolicyMiddleware(plain)
    first = middleware(RequestFactory().get("/"))[HEADER]
    with override_settings(CONTENT_SECURITY_POLICY={"DIRECTIVES": {"default-src": ["'none'"]}}):
        assert middleware(RequestFactory().get("/"))[HEADER] == "default-src 'none'"
    assert middleware(RequestFactory().get("/"))[HEADER] == first
