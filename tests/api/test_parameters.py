"""Parameters: what is not understood is refused by name, with what would be accepted."""

from __future__ import annotations

import pytest
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from bots_app.filters import RunFilterSet
from dashboard.api.filters import parameters_of
from tests.api.conftest import assert_error, body_of, path_of

RUN = path_of("bots", "run-000")
READS = {
    "sessions": "/api/sessions",
    "session": path_of(),
    "bots": path_of("bots"),
    "aggregate": path_of("bots", "aggregate"),
    "run": RUN,
    "trades": f"{RUN}/trades",
    "config": f"{RUN}/config",
    "equity": f"{RUN}/equity",
    "raw": f"{RUN}/raw",
}
LISTS = ("sessions", "bots", "trades")


def refusal(response, name: str) -> str:
    """Return the words of the one refusal, which must be that of the parameter."""
    assert response.status_code == 400, (response.status_code, response.content[:300])
    body = body_of(response)
    assert list(body) == [name], body
    [words] = body[name]
    return words


def test_what_parameters_mean_is_remembered_but_for_the_cursor(rf):
    def parameters(query: str):
        return parameters_of(Request(rf.get(f"/?{query}")), RunFilterSet)

    first, second = parameters("limit=7&status=a&cursor=x"), parameters("limit=7&status=a&cursor=y")
    assert (first["cursor"], second["cursor"], parameters("limit=7&status=a")["cursor"]) == ("x", "y", "")
    assert first["limit"] == second["limit"] == 7
    assert parameters("status=a&status=b")["status"] == ("a", "b") == parameters("status=a,b")["status"]
    assert parameters(f"status={'s' * 200}," + ",".join(["x" * 190] * 6))["status"]
    with pytest.raises(ValidationError):
        parameters("limit=0")
    with pytest.raises(ValidationError):
        parameters("limit=0")


@pytest.mark.parametrize("where", READS)
@pytest.mark.parametrize("name", ["unheardOf", "format", "Limit", "where", "min.sharpe", "max."])
def test_an_unknown_parameter_is_refused_everywhere(api, where, name):
    if where in ("bots", "aggregate") and name in ("where", "min.sharpe"):
        name += "s"
    refusal(api.get(READS[where], {name: "1"}), name)


def test_the_refusal_of_an_unknown_parameter_names_the_known_ones(api):
    words = refusal(api.get(READS["bots"], {"minprofit": "1"}), "minprofit")
    assert "minProfit" in words
    assert "takes none" in refusal(api.get(READS["run"], {"fields": "profit"}), "fields")


@pytest.mark.parametrize("method, path", [("put", RUN), ("patch", RUN), ("delete", RUN), ("post", path_of("bots"))])
def test_writes_take_no_parameters(api, method, path):
    refusal(api.generic(method.upper(), f"{path}?dryRun=1", "{}", content_type="application/json"), "dryRun")
    assert api.get(RUN).status_code == 200


@pytest.mark.parametrize(
    "where, name", [("bots", "minProfit"), ("bots", "limit"), ("bots", "cursor"), ("sessions", "symbol")]
)
def test_a_parameter_of_one_value_may_be_given_once(api, where, name):
    assert "more than once" in refusal(api.get(READS[where], {name: ["1", "1"]}), name)


@pytest.mark.parametrize("name", ["minProfit", "maxProfit", "limit", "cursor", "ordering", "status", "fields"])
def test_an_empty_parameter_counts_as_absent(api, name):
    assert body_of(api.get(READS["bots"], {name: ["", ""]})) == body_of(api.get(READS["bots"]))
    assert api.get(READS["bots"], {name: ["", "5"] if name == "limit" else ""}).status_code == 200


@pytest.mark.parametrize(
    "text", ["abc", "nan", "inf", "-Infinity", "1,5", "0x10", "1_000", "1 000", " 5", "5 ", "٣", "1e999", "", "+"]
)
def test_a_bound_that_is_no_finite_number_is_refused(api, text):
    if text:
        assert "250" in refusal(api.get(READS["bots"], {"minProfit": text}), "minProfit")


@pytest.mark.parametrize("text", ["50", "+50", "50.", "5e1", "5E+1", "50.0"])
def test_a_bound_may_be_written_in_any_plain_way(api, text):
    assert body_of(api.get(READS["bots"], {"minProfit": text}))["count"] == 5


def test_bounds_that_exclude_each_other_are_refused(api):
    assert "maxProfit" in refusal(api.get(READS["bots"], {"minProfit": "10", "maxProfit": "9.99"}), "minProfit")
    assert api.get(READS["bots"], {"minProfit": "10", "maxProfit": "10"}).status_code == 200


@pytest.mark.parametrize("where, most", [("sessions", 1000), ("bots", 500), ("trades", 10_000)])
def test_a_limit_has_bounds(api, where, most):
    for limit in ("0", "-1", "abc", "1.5", "1e2", "+5", str(most + 1), "9" * 40, "²"):
        assert str(most) in refusal(api.get(READS[where], {"limit": limit}), "limit")
    assert api.get(READS[where], {"limit": str(most)}).status_code == 200


@pytest.mark.parametrize("points", ["0", "1", "-1", "10001", "abc", "1.5"])
def test_points_have_bounds(api, points):
    assert "10000" in refusal(api.get(READS["equity"], {"points": points}), "points")


@pytest.mark.parametrize("where", LISTS)
@pytest.mark.parametrize("ordering", ["nosuchfield", "-nosuchfield", "--profit", "-", "profit,,sharpe"])
def test_an_unknown_ordering_is_refused_with_what_would_be_right(api, where, ordering):
    words = refusal(api.get(READS[where], {"ordering": ordering}), "ordering")
    runs = "no run of this session has a field 'nosuchfield'" if "nosuch" in ordering else "give one, such as -profit"
    assert {"sessions": "-lastUpdate", "bots": runs, "trades": "-entryTime"}[where] in words


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("min.sharp", "1", "Did you mean sharpe"), ("max.config.fats", "1", "Did you mean config.fast"),
        ("min.sharpe", "much", "Not a finite number"), ("ordering", "-sharp", "Did you mean sharpe"),
        ("fields", "profit,config.fats", "Did you mean config.fast"), ("explain", "perhaps", "Neither 1 nor 0"),
        ("where", "sharpe >", "At character 9"), ("where", "sharp > 1", "Did you mean sharpe"),
        ("start", "0", "a rank from 1"), ("start", "101%", "nor a percentile"), ("start", "-5", "a rank from 1"),
    ],
)  # fmt: skip
def test_what_names_no_field_of_the_session_is_refused_with_the_nearest(api, name, value, words):
    assert words in refusal(api.get(READS["bots"], {name: value}), name)


def test_bounds_of_a_field_that_exclude_each_other_are_refused(api):
    words = refusal(api.get(READS["bots"], {"min.sharpe": "2", "max.sharpe": "1"}), "min.sharpe")
    assert "2 lies above max.sharpe, 1" in words


@pytest.mark.parametrize("value", ["perhaps", "True", "1", "yes"])
def test_active_is_true_or_false(api, value):
    assert "true" in refusal(api.get("/api/sessions", {"active": value}), "active")


@pytest.mark.parametrize("where", LISTS)
@pytest.mark.parametrize("cursor", ["nonsense", "0", "\x00", "ü", "A" * 3000, "e30="])
def test_a_forged_cursor_is_refused(api, where, cursor):
    refusal(api.get(READS[where], {"cursor": cursor}), "cursor")


def test_a_cursor_belongs_to_its_list_its_filters_and_its_order(api):
    cursor = body_of(api.get(READS["bots"], {"limit": 2, "status": "completed"}))["nextCursor"]
    assert api.get(READS["bots"], {"status": "completed", "cursor": cursor}).status_code == 200
    for params in ({}, {"status": "failed"}, {"status": "completed", "ordering": "profit"}):
        refusal(api.get(READS["bots"], params | {"cursor": cursor}), "cursor")
    refusal(api.get("/api/sessions", {"cursor": cursor}), "cursor")
    refusal(api.get(READS["trades"], {"cursor": cursor}), "cursor")


def test_statuses_may_repeat_or_be_joined(api):
    both = body_of(api.get(READS["bots"], {"status": ["failed", "completed"]}))
    assert both == body_of(api.get(READS["bots"], {"status": "completed,failed,"}))
    assert both["count"] == 12
    assert body_of(api.get(READS["bots"], {"status": "nosuch"}))["count"] == 0
    refusal(api.get(READS["bots"], {"status": ",".join(map(str, range(21)))}), "status")


def test_fields_are_bounded_and_have_names(api):
    refusal(api.get(READS["bots"], {"fields": ",".join(map(str, range(51)))}), "fields")
    refusal(api.get(READS["bots"], {"fields": "config fast"}), "fields")
    refusal(api.get(READS["bots"], {"fields": "x" * 201}), "fields")


def test_an_address_that_is_none_is_answered_in_json(api):
    for path in (
        "/api/",
        "/api/nosuch",
        path_of("eventss"),
        "/api/sessions/",
        "/api/sessions/nonsense",
        path_of("nosuch"),
    ):
        for method in (api.get, api.post, api.delete):
            assert_error(method(path), 404, "not_found")


@pytest.mark.parametrize(
    "config_hash", ["../../etc/passwd", "a b", "*", "%", "x" * 2000, "\u202e", "\x00", "a/b/trades"]
)
def test_a_strange_hash_is_not_found(api, config_hash):
    response = api.get(path_of("bots", config_hash))
    assert response.status_code in (404, 422), response.content
    body_of(response)
