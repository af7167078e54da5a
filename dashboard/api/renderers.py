"""How answers are written: JSON for programs, the same JSON on a page for people.

A list hands over its body as bytes, ready to send; everything else is encoded by msgspec, which writes NaN as null.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from django.template import loader
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer
from rest_framework.request import Request

from dashboard.tolerant import json_safe

if TYPE_CHECKING:
    # DRF's views read the settings that name this module.
    from rest_framework.views import APIView

logger = logging.getLogger("dashboard.api")

#: Bytes of an answer that its page shows; a browser has no use for ten megabytes of text.
SHOWN_BYTES = 1_000_000
#: Answers with these may be mended by logging in.
UNAUTHENTICATED = 401


class JSONRenderer(BaseRenderer):
    """Writes JSON; bytes are taken for JSON and pass through."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "text"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping | None = None
    ) -> bytes:
        """Return the body."""
        if data is None:
            return b""
        return data if isinstance(data, bytes) else encode(data)


def encode(data: object) -> bytes:
    """Return strict JSON; what UTF-8 cannot hold, or JSON has no number for, is replaced."""
    try:
        return msgspec.json.encode(data, enc_hook=_plain)
    except UnicodeEncodeError:
        return json.dumps(json_safe(data), ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    """Return a value of DRF's or Django's in plain types: lazy texts, text with a code, kinds of dict and list."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, list | tuple):
        return list(value)
    return str(value)


class BrowsableRenderer(BrowsableAPIRenderer):
    """The page of an address: what it answers, its filters as a form, links to the next and the previous page.

    Reading only: DRF's own forms for writing need scripts, and a run is written by a program.
    """

    template = "rest_framework/api.html"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: dict | None = None) -> str:
        """Return the page."""
        self.accepted_media_type = accepted_media_type or ""
        self.renderer_context = renderer_context or {}
        context = self.get_context(data, accepted_media_type, self.renderer_context)
        return loader.get_template(self.template).render(context, request=self.renderer_context["request"])

    def get_context(self, data: Any, accepted_media_type: str | None, renderer_context: Mapping) -> dict[str, Any]:
        """Return what the template shows, nothing of it marked safe."""
        view, request, response = (renderer_context[name] for name in ("view", "request", "response"))
        content, is_cut = self.shown(data)
        return {
            "name": self.get_name(view),
            "summary": (type(view).__doc__ or "").partition("\n")[0],
            "request": request,
            "user": request.user if response.status_code != UNAUTHENTICATED else None,
            "full_path": request.get_full_path(),
            "response": response,
            "response_headers": sorted((name, value) for name, value in response.items() if name != "Content-Type"),
            "content": content,
            "is_cut": is_cut,
            "needs_login": response.status_code == UNAUTHENTICATED,
            "filter_form": self.filter_form(view, request) if response.status_code in (200, 400) else None,
            "links": view.page_links,
            "related": view.related() if response.status_code == 200 else [],
        }

    def shown(self, data: Any) -> tuple[str, bool]:
        """Return the answer indented, and whether it had to be cut."""
        body = JSONRenderer().render(data)
        is_cut = len(body) > SHOWN_BYTES
        if not is_cut:
            try:
                body = msgspec.json.format(body, indent=2)
            except msgspec.DecodeError:
                logger.warning("an answer of the API is no JSON to msgspec and is shown as it is")
        return body[:SHOWN_BYTES].decode("utf-8", "replace"), is_cut

    def filter_form(self, view: APIView, request: Request) -> Any:
        """Return the bound form of the address's parameters; None for one without any."""
        filterset = view.get_filterset_class()
        return filterset(request.query_params).form if filterset.base_filters else None
