"""Which representation a client gets."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

#: What programs send: answered without parsing media types, which would cost as much as finding a page of runs.
PLAIN = frozenset({"*/*", "application/json", "application/json, */*", "application/json, text/plain, */*"})


class Negotiation(DefaultContentNegotiation):
    """DRF's choice by the Accept header, and by nothing else: `?format=` is a parameter like any other, and unknown."""

    settings = SimpleNamespace(URL_FORMAT_OVERRIDE=None)

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and its media type; the view's first renderer for whoever takes anything."""
        if request.META.get("HTTP_ACCEPT", "*/*") in PLAIN:
            return renderers[0], renderers[0].media_type
        return super().select_renderer(request, renderers, format_suffix)
