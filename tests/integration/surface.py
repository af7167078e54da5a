"""Every kind of address of the dashboard, as a person and a program ask for it while the store fails."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any
from urllib.parse import quote

from django.contrib.auth.models import User
from django.test import Client

from tests.contract.model import SID, run

SESSION = f"/sessions/{quote(SID, safe='')}"
PAGES = ("/sessions/", f"{SESSION}/", f"{SESSION}/runs/a/")
READS = (
    "/api/sessions",
    f"/api{SESSION}",
    f"/api{SESSION}/bots",
    f"/api{SESSION}/bots?minProfit=0&ordering=lastUpdated",
    f"/api{SESSION}/bots/aggregate",
    f"/api{SESSION}/bots/a",
    f"/api{SESSION}/bots/a/trades",
)
#: What no answer may hold: words of the server's and of the inside.
SECRETS = re.compile(
    # As words of their own: a token of random letters holds OOM now and then.
    r"\b(?:MISCONF|READONLY|LOADING|OOM|NOAUTH|WRONGPASS|Traceback|errno|redis\.exceptions|evalsha|EVALSHA)\b|\.sock\b"
)


class Surface:
    """A browser and a program of an operator's."""

    def __init__(self) -> None:
        self.client = Client()
        known = User.objects.filter(username="oz").first()
        self.client.force_login(known or User.objects.create_superuser("oz", password="oz's password"))

    def send(self, method: str, address: str, body: Any) -> Any:
        return self.client.generic(method, address, json.dumps(body), content_type="application/json")

    def writes(self) -> dict[str, Any]:
        """Return the answers to a write of each kind; the last one removes what the others made."""
        made, notes = run("b", 2.0), {"notes": secrets.token_hex(8)}
        return {
            "post": self.send("POST", f"/api{SESSION}/bots", [made, run("c", 3.0)]),
            "put": self.send("PUT", f"/api{SESSION}/bots/b", made),
            "patch run": self.send("PATCH", f"/api{SESSION}/bots/a", notes),
            "patch session": self.send("PATCH", f"/api{SESSION}", notes),
        }

    def assert_reads(self) -> None:
        """Everything can be read."""
        for address in (*PAGES, *READS):
            response = self.client.get(address)
            assert response.status_code == 200, (address, response.content[:500])

    def assert_no_reads(self, reason: str, *, addresses: tuple[str, ...] = (*PAGES, *READS)) -> None:
        """Nothing can be read: each answer says so, when to come again, and, to an operator, why."""
        for address in addresses:
            response = self.client.get(address)
            assert_unavailable(response, address)
            if not address.startswith("/api/"):
                text = response.content.decode()
                assert reason in text, (reason, address, text[-3000:])
                assert "The data store does not answer" in text
                assert response["X-Request-ID"] in text
                assert 'href="/logout/"' in text or "logout" in text, "the frame of all pages is missing"

    def assert_writes(self) -> None:
        """Everything can be written."""
        for name, response in self.writes().items():
            assert response.status_code in (200, 201), (name, response.content[:500])
        assert self.client.delete(f"/api{SESSION}/bots/b").status_code == 204
        assert self.client.delete(f"/api{SESSION}/bots/c").status_code == 204

    def assert_no_writes(self) -> None:
        """Nothing can be written, and what was tried is known not to have been."""
        for name, response in self.writes().items():
            assert_unavailable(response, name)
            body = json.loads(response.content)
            assert "Nothing was " in body["detail"], (name, body)
            if name == "post":
                assert [one["result"] for one in body["results"]] == ["unwritten", "unwritten"]


def assert_unavailable(response: Any, what: str) -> None:
    """An answer that says that the store is away, in the form that was asked for."""
    assert response.status_code == 503, (what, response.status_code, response.content[:500])
    assert 0 < int(response["Retry-After"]) <= 60, what
    text = response.content.decode()
    assert not SECRETS.findall(text), (what, text)
    if response["Content-Type"].startswith("text/html"):
        return
    assert response["Content-Type"].startswith("application/json"), what
    body = json.loads(text)
    assert body["code"] == "store_unavailable", (what, body)
    assert body["detail"].startswith("The data store does not answer"), (what, body)
