"""Writing through the API: batches, one run, annotations, deletions."""

from __future__ import annotations

import io
import json

import pytest
from django.test import override_settings

from bots_app.parsers import split_array
from dashboard.store.client import client as store
from tests.api.conftest import SID, assert_error, body_of, path_of, record, trades

BOTS = path_of("bots")
NDJSON = "application/x-ndjson"


def post(api, body, content_type: str = "application/json", path: str = BOTS):
    text = body if isinstance(body, bytes) else json.dumps(body)
    return api.generic("POST", path, text, content_type=content_type)


def test_one_record_an_array_and_lines_are_stored(api):
    assert body_of(post(api, record(20))) == {
        "results": [{"index": 0, "configHash": "run-020", "result": "created", "error": None}]
    }
    results = body_of(post(api, [record(20), record(21), record(20, botId="new")]))["results"]
    assert [one["result"] for one in results] == ["unchanged", "created", "updated"]
    lines = "\r\n\n".join(json.dumps(record(number)) for number in (22, 23)) + "\n\n"
    results = body_of(post(api, lines.encode(), NDJSON))["results"]
    assert [(one["index"], one["configHash"]) for one in results] == [(0, "run-022"), (1, "run-023")]
    assert body_of(api.get(BOTS))["count"] == 16


def test_a_bad_record_is_refused_alone_with_a_word_on_it(api):
    bad = [{"status": "completed"}, 42, "text", None, [], record(1, configHash=7), record(1, configHash="a:b")]
    response = post(api, [record(30), *bad, record(31)])
    assert response.status_code == 200
    results = body_of(response)["results"]
    assert [one["index"] for one in results] == list(range(9))
    assert [one["result"] for one in results] == ["created", *["refused"] * 7, "created"]
    assert all(one["error"] for one in results[1:-1])
    assert "configHash" in results[1]["error"]


@pytest.mark.parametrize("body", [42, "text", None, {"status": "completed"}, [1, 2], [{}]])
def test_a_batch_without_a_good_record_is_unprocessable(api, body):
    response = post(api, body)
    assert response.status_code == 422
    assert {one["result"] for one in body_of(response)["results"]} == {"refused"}


def test_an_empty_array_stores_nothing(api):
    assert body_of(post(api, [])) == {"results": []}


@pytest.mark.parametrize(
    "body", [b"", b"  ", b"{", b"\xff\xfe", b"[" * 100_000, b'[{"a": 1}', b"[1 2]", b"[1,]", b"{} {}", b"[1] 2"]
)
def test_a_body_that_is_no_json_is_refused_as_a_whole(api, body):
    assert_error(post(api, body), 400, "parse_error")
    assert body_of(api.get(BOTS))["count"] == 12


def test_a_line_that_is_no_json_is_refused_alone(api):
    body = "\n".join([json.dumps(record(40)), '{"configHash": "cut', json.dumps(record(41))])
    assert [one["result"] for one in body_of(post(api, body.encode(), NDJSON))["results"]] == [
        "created",
        "refused",
        "created",
    ]
    assert_error(post(api, b"\n\n", NDJSON), 400, "parse_error")


@pytest.mark.parametrize("profit", ["NaN", "Infinity", "-Infinity", "1e999", '"text"', "null", "[]", '"\\ud800"'])
@pytest.mark.parametrize("form", ["%s", "[%s]", '[{"a": NaN}, %s , 1 ]'])
def test_what_python_writes_and_json_does_not_know_is_no_profit(api, profit, form):
    text = '{"configHash": "odd", "status": "completed", "resultsMetadata": {"performance": {"totalProfit": %s}}}'
    response = post(api, (form % (text % profit)).encode())
    assert response.status_code in (200, 422), response.content
    if response.status_code == 200:
        assert body_of(api.get(path_of("bots", "odd")))["configHash"] == "odd"
        assert store().zscore(f"session:{SID}:bots:profit", "odd") is None


def test_numbers_are_stored_digit_by_digit(api):
    numbers = b'"big":12345678901234567890123,"long":0.10000000000000000555,"e":1E+2'
    digits = b'{"configHash":"exact","status":"completed",%s}' % numbers
    for form in (b"%s", b"[%s]"):
        assert post(api, form % digits).status_code == 200
        stored = api.get(path_of("bots", "exact", "raw")).content
        assert numbers in stored


def test_arrays_are_split_at_their_items_only():
    text = b' [ {"a":"],[\\"" , "b":[1,[2]]} ,\n[] , NaN, "x" ]'.strip()
    assert split_array(text) == [b'{"a":"],[\\"" , "b":[1,[2]]}', b"[]", b"NaN", b'"x"']


def test_a_record_may_bring_its_trades(api):
    assert post(api, record(50, trades=trades(3))).status_code == 200
    assert len(body_of(api.get(path_of("bots", "run-050", "trades")))) == 3


@pytest.mark.parametrize("symbol", ["{X}", "A{B", "A}", " PADDED", "PADDED ", "A\tB", "A\nB", "A\x00B", "\x1b[31m"])
def test_a_symbol_that_makes_a_bad_key_is_refused_by_name(api, symbol):
    for method, below, body in (("POST", "", [record(1)]), ("PUT", "/run-001", record(1))):
        path = path_of("bots", sid=f"{symbol}:1h:1:2") + below
        response = api.generic(method, path, json.dumps(body), content_type="application/json")
        assert response.status_code == 400, response.content
        assert "symbol" in body_of(response)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "x" * 300]
)
def test_other_content_types_are_refused(api, content_type):
    assert_error(post(api, b"{}", content_type), 415, "unsupported_media_type")
    assert_error(api.generic("PUT", path_of("bots", "a"), b"{}", content_type=NDJSON), 415)


@override_settings(MAX_BODY_BYTES=2000)
def test_a_body_over_the_limit_is_refused_unread(api):
    big = record(60, notes="x" * 3000)
    for response in (
        post(api, big),
        post(api, json.dumps(big).encode(), NDJSON),
        api.put(path_of("bots", "run-060"), big, format="json"),
        api.patch(path_of("bots", "run-001"), {"notes": "x" * 3000}, format="json"),
        api.post("/api/token", {"username": "x" * 3000, "password": "x"}, format="json"),
    ):
        assert_error(response, 413, "too_large")
    assert post(api, record(61)).status_code == 200


@pytest.mark.parametrize("role, path, status", [
    ("anonymous", BOTS, 401), ("analyst", BOTS, 403), ("writer", "/api/nosuch", 404), ("writer", f"{BOTS}?x=1", 400),
    ("writer", path_of("bots", "aggregate"), 405),
])  # fmt: skip
def test_a_refused_body_is_taken_in_for_the_connections_sake(client_of, runs, role, path, status):
    body = b"x" * 200_000
    stream = io.BytesIO(body)
    headers = {"wsgi.input": stream, "CONTENT_LENGTH": str(len(body))}
    assert client_of(role).generic("POST", path, content_type="application/json", **headers).status_code == status
    assert stream.tell() == len(body)


@override_settings(MAX_BODY_BYTES=2000)
def test_a_body_may_come_in_chunks(api):
    def send(body: bytes):
        chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
        return api.generic("POST", BOTS, content_type=NDJSON, **chunks)

    assert body_of(send(json.dumps(record(65)).encode()))["results"][0]["result"] == "created"
    assert_error(send(json.dumps(record(66, notes="x" * 3000)).encode()), 413, "too_large")
    assert_error(send(b""), 400, "parse_error")


def test_a_put_makes_and_replaces_a_run(api):
    path = path_of("bots", "run-070")
    first = api.put(path, record(70), format="json")
    assert (first.status_code, body_of(first)["configHash"]) == (201, "run-070")
    again = api.put(path, record(70, status="failed"), format="json")
    assert (again.status_code, body_of(again)["status"]) == (200, "failed")
    assert again.headers["ETag"] == api.get(path).headers["ETag"]


def test_a_put_takes_the_hash_of_its_address(api):
    path = path_of("bots", "named")
    without = {name: value for name, value in record(1).items() if name != "configHash"}
    assert api.put(path, without, format="json").status_code == 201
    assert body_of(api.get(path))["configHash"] == "named"
    assert "run-001" in assert_error(api.put(path, record(1), format="json"), 422, "invalid_record")["detail"]


@pytest.mark.parametrize("body", [b"", b"[]", b"[{},{}]", b"{"])
def test_a_put_takes_one_record(api, body):
    assert_error(
        api.generic("PUT", path_of("bots", "run-001"), body, content_type="application/json"), 400, "parse_error"
    )


def test_notes_and_tags_can_be_changed_and_nothing_else(api):
    path = path_of("bots", "run-001")
    shown = body_of(api.patch(path, {"notes": " worth a look\n", "tags": ["keep", ""]}, format="json"))
    assert (shown["notes"], shown["tags"]) == (" worth a look\n", ["keep", ""])
    assert body_of(api.patch(path, {"notes": ""}, format="json"))["tags"] == ["keep", ""]
    for body, name in (
        ({"status": "failed"}, "status"),
        ({"configHash": "other"}, "configHash"),
        ({"notes": 5}, "notes"),
        ({"notes": None}, "notes"),
        ({"notes": "x" * 10_001}, "notes"),
        ({"notes": "nul \x00"}, "notes"),
        ({"tags": "keep"}, "tags"),
        ({"tags": [1]}, "tags"),
        ({"tags": ["x"] * 51}, "tags"),
        ({"tags": ["x" * 101]}, "tags"),
        ({}, "non_field_errors"),
        ([], "non_field_errors"),
        ("text", "non_field_errors"),
    ):
        response = api.patch(path, body, format="json")
        assert (response.status_code, list(body_of(response))) == (400, [name]), body
    assert body_of(api.get(path)) == body_of(api.patch(path, {"notes": ""}, format="json"))


@pytest.mark.parametrize("body", [b"{", b"", b"[" * 100_000, b'{"notes": NaN}', b'{"notes": "\\ud800"}', b"\xff"])
def test_a_patch_that_is_no_json_is_refused(api, body):
    for path in (path_of(), path_of("bots", "run-001")):
        assert api.generic("PATCH", path, body, content_type="application/json").status_code == 400


def test_a_session_can_be_annotated(api):
    shown = body_of(api.patch(path_of(), {"notes": "second sweep", "active": True}, format="json"))
    assert (shown["notes"], shown["active"], shown["runCount"]) == ("second sweep", True, 12)
    for body in ({"runCount": 1}, {"active": "true"}, {"active": 1}, {"active": None}, {"notes": 1}, {}, []):
        assert api.patch(path_of(), body, format="json").status_code == 400, body
    assert body_of(api.get(path_of()))["notes"] == "second sweep"


@pytest.mark.parametrize("path", [path_of(), path_of("bots", "run-001")])
def test_an_edit_of_what_was_changed_meanwhile_fails(api, path):
    etag = api.get(path).headers["ETag"]
    for header in (etag, f"W/{etag}", "*"):
        answer = api.patch(path, {"notes": f"by {header}"}, format="json", headers={"If-Match": header})
        assert answer.status_code == 200
        etag, old = answer.headers["ETag"], etag
        if header != "*":
            assert_error(api.patch(path, {"notes": "late"}, format="json", headers={"If-Match": old}), 412)
            break
    for header in ('"other"', f'"other", "{etag}"', "nonsense"):
        assert_error(
            api.patch(path, {"notes": "x"}, format="json", headers={"If-Match": header}), 412, "precondition_failed"
        )


@pytest.mark.parametrize("method, path", [
    ("PUT", path_of("bots", "run-001")), ("DELETE", path_of("bots", "run-001")), ("DELETE", path_of()), ("POST", BOTS),
])  # fmt: skip
def test_a_condition_that_would_not_be_kept_is_refused(api, method, path):
    for header in ("If-Match", "If-None-Match"):
        response = api.generic(method, path, b"{}", content_type="application/json", headers={header: "*"})
        assert (response.status_code, list(body_of(response))) == (400, [header])
    assert api.get(path_of("bots", "run-001")).status_code == 200


def test_what_is_deleted_is_gone(api):
    path = path_of("bots", "run-001")
    gone = api.delete(path)
    assert (gone.status_code, gone.content) == (204, b"")
    for response in (
        api.get(path),
        api.delete(path),
        api.get(f"{path}/trades"),
        api.patch(path, {"notes": "x"}, format="json"),
    ):
        assert_error(response, 404, "not_found")
    assert api.delete(path_of()).status_code == 204
    for response in (api.get(path_of()), api.get(BOTS), api.get(path_of("bots", "aggregate")), api.delete(path_of())):
        assert_error(response, 404, "not_found")
    assert body_of(api.get("/api/sessions")) == []
