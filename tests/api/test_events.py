"""The stream of a session's events as a client meets it: its text, its headers, its limits, its refusals."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework_simplejwt.tokens import AccessToken

from bots_app.registry import BotRegistry
from dashboard.api import streams
from dashboard.store import events
from dashboard.store.client import StoreClient, override
from dashboard.store.keys import SessionKeys
from sessions_app.records import SessionId
from sessions_app.registry import SessionRegistry
from tests.api.conftest import SID, assert_error, body_of, path_of, record

EVENTS = path_of("events")
TAKES_EVENTS = {"HTTP_ACCEPT": "text/event-stream"}


@pytest.fixture
def watch(api) -> Iterator[Any]:
    """Open streams that are closed after the test."""
    opened = []

    def run(client: Any = api, **headers: str) -> Any:
        response = client.get(EVENTS, **TAKES_EVENTS | headers)
        opened.append(response)
        return response

    yield run
    for response in opened:
        response.close()
    assert not streams.slots._users


def text_of(response: Any, until: str, limit_s: float = 10) -> str:
    """Return what the stream says up to a text."""
    text, deadline = "", time.monotonic() + limit_s
    for part in response.streaming_content:
        text += part.decode()
        assert time.monotonic() < deadline, text
        if until in text:
            return text
    raise AssertionError(f"it ended with {text}")


def newest() -> str:
    return str(events.newest_id(SessionKeys(SID)))


def test_the_stream_says_how_to_come_back_then_what_changes(api, watch):
    place = newest()
    response = watch()
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-cache, no-transform"
    assert response["X-Accel-Buffering"] == "no"
    assert "Content-Length" not in response
    assert text_of(response, "\n\n") == f"retry: 3000\nid: {place}\n\n"
    api.patch(path_of("bots", "run-001"), {"tags": ["x"]}, format="json")
    [ident, name, data, *rest] = text_of(response, "run-001").splitlines()
    assert ident == f"id: {newest()}"
    assert name == "event: run"
    found = json.loads(data.removeprefix("data: "))
    assert found == {"configHash": "run-001", "status": "completed", "profit": 10.5, "revision": found["revision"]}
    assert isinstance(found["revision"], int)
    assert rest == [""]


def test_it_resumes_after_the_last_event_had(api, watch):
    place = newest()
    api.post(path_of("bots"), [record(20), record(21)], format="json")
    text = text_of(watch(HTTP_LAST_EVENT_ID=f" {place} "), "run-021")
    assert text.index("run-020") < text.index("run-021")
    assert text.count("event: run") == 2
    assert "gap" not in text
    [first] = [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ") and "." in line]
    again = text_of(watch(HTTP_LAST_EVENT_ID=first), "run-021")
    assert "run-020" not in again and "gap" not in again


def test_a_gap_is_an_event_of_its_own(api, watch, real_store):
    place = newest()
    for number in range(20, 30):
        api.post(path_of("bots"), record(number), format="json")
    real_store.xtrim(SessionKeys(SID).events, maxlen=3, approximate=False)
    text = text_of(watch(HTTP_LAST_EVENT_ID=place), "run-029")
    gap = text[text.index("event: gap") :].splitlines()[1]
    found = json.loads(gap.removeprefix("data: "))
    assert found["since"] == place
    assert found["reason"] in ("trimmed", "lost")
    assert place in found["detail"]
    assert text.index("event: gap") < text.index("run-027")
    assert "run-026" not in text


def test_a_gap_with_nothing_after_it_says_where_to_go_on(watch):
    place = newest()
    text = text_of(watch(HTTP_LAST_EVENT_ID="9999999999999-5"), "detail")
    assert f'id: {place}\nevent: gap\ndata: {{"reason":"lost","since":"9999999999999-5"' in text


def test_the_deletion_of_the_session_is_the_last_event(watch):
    response = watch()
    text_of(response, "\n\n")
    SessionRegistry().delete(SessionId.parse(SID))
    rest = b"".join(response.streaming_content).decode()
    assert rest.endswith(streams.DELETED.decode())
    json.loads(rest.splitlines()[-2].removeprefix("data: "))
    assert_error(watch(), 404, "not_found")


def test_a_quiet_stream_shows_that_it_lives_and_looks_whether_the_client_does(watch, monkeypatch):
    monkeypatch.setattr(streams, "PROBE_S", 0.02)
    monkeypatch.setattr(streams, "KEEP_ALIVE_S", 0.1)
    parts = []
    for part in watch().streaming_content:
        parts.append(part)
        if len(parts) == 40:
            break
    assert parts.count(b": still here\n\n") >= 3
    assert parts.count(b"") >= 10


def test_a_stream_ends_so_that_rights_are_looked_at_again(watch, monkeypatch):
    monkeypatch.setattr(streams, "PROBE_S", 0.02)
    monkeypatch.setattr(streams, "LIFE_S", 0.3)
    start = time.monotonic()
    b"".join(watch().streaming_content)
    assert time.monotonic() - start < 5


def test_a_stream_does_not_outlive_its_token(watch, client_of, people, monkeypatch):
    monkeypatch.setattr(streams, "PROBE_S", 0.02)
    client, token = client_of("analyst"), AccessToken.for_user(people["analyst"])
    token["exp"] = int(time.time()) + 2
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    start = time.monotonic()
    b"".join(watch(client).streaming_content)
    assert time.monotonic() - start < 5
    assert_error(watch(client), 401)


@pytest.mark.parametrize("text", ["x", "1700000000000", "$", "0", "1-2,3-4", "-", "1-2.x"])
def test_what_is_no_id_is_refused_by_name(watch, text):
    response = watch(HTTP_LAST_EVENT_ID=text)
    assert response.status_code == 400
    assert "1700000000000-0" in body_of(response)["Last-Event-ID"][0]


def test_an_empty_id_counts_as_none(watch):
    assert text_of(watch(HTTP_LAST_EVENT_ID=""), "\n\n").startswith("retry")


def test_parameters_and_methods_are_refused(api):
    assert "lastEventId" in body_of(api.get(EVENTS, {"lastEventId": "1-0"}, **TAKES_EVENTS))
    assert_error(api.post(EVENTS, {}, format="json", **TAKES_EVENTS), 405)


def test_errors_are_json_whatever_the_client_takes(client_of, api):
    assert_error(client_of("anonymous").get(EVENTS, **TAKES_EVENTS), 401)
    assert_error(client_of("expired").get(EVENTS, **TAKES_EVENTS), 401)
    assert_error(api.get(path_of("events", sid="NO:1h:1:2"), **TAKES_EVENTS), 404, "not_found")
    assert_error(api.get(EVENTS, HTTP_ACCEPT="text/plain"), 406)


def test_each_user_and_the_process_have_a_limit(watch, client_of, settings):
    settings.USER_STREAMS, settings.STREAMS = 2, 3
    first = watch()
    assert watch().status_code == 200
    refused = watch()
    assert_error(refused, 429, "throttled")
    assert int(refused["Retry-After"]) >= 1
    other = client_of("analyst")
    assert watch(other).status_code == 200
    full = watch(other)
    assert_error(full, 503, "unavailable")
    assert int(full["Retry-After"]) >= 1
    first.close()
    assert watch().status_code == 200


def test_a_refused_stream_takes_no_place(watch, settings, api):
    settings.USER_STREAMS = 1
    for _ in range(3):
        assert api.get(path_of("events", sid="NO:1h:1:2"), **TAKES_EVENTS).status_code == 404
        assert api.head(EVENTS, **TAKES_EVENTS).status_code == 200
    assert watch().status_code == 200


def test_opening_counts_for_the_rate_limit(watch, settings):
    settings.RATELIMIT_API = "2/m"
    assert [watch().status_code for _ in range(3)] == [200, 200, 429]


def test_a_browser_sees_the_newest_events_on_a_page(api):
    BotRegistry().delete(SessionId.parse(SID), "run-005")
    page = api.get(EVENTS, HTTP_ACCEPT="text/html").content.decode()
    assert "run-011" in page
    assert "deleted" in page
    assert api.get(path_of("events", sid="NO:1h:1:2"), HTTP_ACCEPT="text/html").status_code == 404


def test_a_key_of_another_type_is_told_and_hurts_no_page(api, watch, real_store, client):
    real_store.delete(SessionKeys(SID).events)
    real_store.set(SessionKeys(SID).events, "text")
    assert_error(watch(), 422, "unreadable")
    client.force_login(get_user_model().objects.get(username="superuser"))
    assert client.get(f"/sessions/{SID}/").status_code == 200


def test_redis_that_is_away_is_told_with_a_time(watch, tmp_path):
    with override(StoreClient.from_url(f"unix://{tmp_path}/nothing.sock", protocol=2)):
        response = watch()
    assert_error(response, 503, "store_unavailable")
    assert response["Retry-After"] == "5"
