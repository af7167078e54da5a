"""Logging in and out, changing the password, and who sees what."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from dashboard.errors import StoreUnavailable
from tests.pages import data

pytestmark = pytest.mark.django_db


def test_any_active_user_logs_in_and_out(client, analyst, sweep):
    answer = client.post("/login/", {"username": "ana", "password": "ana's password"})
    assert answer.url == "/sessions/"
    assert "ana" in client.get("/sessions/").content.decode()
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert client.get("/sessions/").url == "/login/?next=/sessions/"


def test_a_wrong_password_is_said_above_the_fields(client, analyst):
    text = client.post("/login/", {"username": "ana", "password": "wrong"}).content.decode()
    assert "Please enter a correct username and password" in text


def test_after_logging_in_one_is_where_one_wanted_to_be(client, analyst, sweep):
    wanted = f"/sessions/{data.SWEEP}/?status=failed"
    form = client.get(wanted, follow=True)
    answer = client.post(
        form.request["PATH_INFO"] + "?" + form.request["QUERY_STRING"],
        {"username": "ana", "password": "ana's password"},
    )
    assert "status=failed" in answer.url


def test_never_to_another_site(client, analyst):
    answer = client.post("/login/?next=//evil.example/", {"username": "ana", "password": "ana's password"})
    assert answer.url == "/sessions/"


@pytest.mark.parametrize(
    "address", ["/", "/sessions/", f"/sessions/{data.SWEEP}/", f"/sessions/{data.SWEEP}/runs/x/", "/password_change/"]
)
def test_pages_need_a_log_in(client, db, address):
    assert client.get(address, follow=True).redirect_chain[-1][0].startswith("/login/")


def test_htmx_is_sent_to_the_log_in_page_as_a_whole(client, db):
    answer = client.get("/sessions/", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer["HX-Redirect"] == "/login/?next=/sessions/"


def test_too_many_attempts_are_a_page_that_says_when_to_come_back(client, analyst, settings):
    settings.RATELIMIT_LOGIN = "2/m"
    answers = [client.post("/login/", {"username": "ana", "password": "wrong"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1]["Retry-After"]) > 0
    assert "Too many attempts" in answers[-1].content.decode()
    assert client.post("/login/", {"username": "other", "password": "wrong"}).status_code == 200


def test_operators_get_in_while_redis_is_away(client, analyst, monkeypatch):
    def away(*args):
        raise StoreUnavailable

    monkeypatch.setattr("dashboard.web.accounts.seconds_until_login", away)
    assert client.post("/login/", {"username": "ana", "password": "ana's password"}).status_code == 302


def test_the_password_is_changed(page, analyst, real_store):
    answer = page.post(
        "/password_change/",
        {
            "old_password": "ana's password",
            "new_password1": "a much better one 7",
            "new_password2": "a much better one 7",
        },
        follow=True,
    )
    assert "Your password was changed" in answer.content.decode()
    analyst.refresh_from_db()
    assert analyst.check_password("a much better one 7")


def test_a_bad_new_password_is_refused_beside_its_field(page, analyst):
    answer = page.post(
        "/password_change/", {"old_password": "ana's password", "new_password1": "1", "new_password2": "1"}
    )
    assert answer.status_code == 200
    assert "too short" in answer.content.decode()


def test_only_staff_are_shown_the_admin(page, client, sweep):
    assert 'href="/admin/"' not in page.get("/sessions/").content.decode()
    client.force_login(User.objects.create_superuser("root", password="root's password"))
    assert 'href="/admin/"' in client.get("/sessions/").content.decode()


def test_the_admins_log_in_is_limited_too(client, analyst, settings):
    settings.RATELIMIT_LOGIN = "2/m"
    answers = [client.post("/admin/login/", {"username": "ana", "password": "wrong"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "Backtest Dashboard" in client.get("/admin/login/").content.decode()


@pytest.mark.parametrize("address", ["/sessions", "/login"])
def test_addresses_work_as_people_type_them(client, db, address):
    assert client.get(address).url == f"{address}/"
