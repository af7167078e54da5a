"""What the pages are put together from: addresses, raw texts, edits."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from bots_app.raw_text import LONGEST_SHOWN, laid_out
from dashboard.errors import PreconditionFailed, Unavailable
from dashboard.web.edits import digest, save
from dashboard.web.links import api_run_path, query, run_path


def test_everything_foreign_in_an_address_is_encoded():
    assert run_path("A/B?#:1h:1:2", "x/<y>") == "/sessions/A%2FB%3F%23:1h:1:2/runs/x%2F%3Cy%3E/"
    assert api_run_path("A B:1h:1:2", "ü", "equity") == "/api/sessions/A%20B:1h:1:2/bots/%C3%BC/equity"


def test_a_changed_query_leaves_the_place_in_the_list():
    params = QueryDict("status=a&status=b&minProfit=&cursor=c&page=4&ordering=profit")
    assert query(params) == "?status=a&status=b&ordering=profit"
    assert query(params, ordering=None, cursor="d") == "?status=a&status=b&cursor=d"
    assert query(params, status=["x", "y"]) == "?status=x&status=y&ordering=profit"


def test_raw_texts_are_laid_out_when_they_are_json_and_cut_when_long():
    assert laid_out(b'{"a":[1]}').text == '{\n  "a": [\n    1\n  ]\n}'
    broken = laid_out(b"\xff not JSON")
    assert (broken.text, broken.is_laid_out, broken.is_cut) == ("\\xff not JSON", False, False)
    long = laid_out(b"x" * (LONGEST_SHOWN + 1))
    assert (len(long.text), long.size, long.is_cut) == (LONGEST_SHOWN, LONGEST_SHOWN + 1, True)


@pytest.mark.parametrize("stored", [b'"\\ud800"', b"[" * 100_000, b"", b"\x00"])
def test_raw_texts_can_always_be_sent(stored):
    assert laid_out(stored).text.encode() is not None


def test_an_edit_is_tried_again_while_only_other_fields_change():
    versions = iter(["1", "2", "3"])
    written = []

    def write(version: str) -> None:
        if version != "3":
            raise PreconditionFailed("changed")
        written.append(version)

    assert save("same", etag=lambda: next(versions), stored=lambda: "same", write=write)
    assert written == ["3"]


def test_an_edit_is_given_up_when_the_record_never_rests():
    def write(version: str) -> None:
        raise PreconditionFailed("changed")

    with pytest.raises(Unavailable):
        save("same", etag=lambda: "1", stored=lambda: "same", write=write)


def test_what_a_form_showed_is_told_apart():
    assert digest("a", "bc") != digest("ab", "c")
