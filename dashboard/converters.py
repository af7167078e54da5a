"""Path converters for what an address names: a session, and a run in it.

A path arrives decoded, so that `BTC%2FUSDT` and `BTC/USDT` are one and the same. Both converters take any character,
control characters too: what cannot be stored is refused by the view, in words, and not by a route that does not match.
"""

from __future__ import annotations

from django.urls import register_converter


class SessionIdConverter:
    """A session id, told by its last three parts: a symbol may itself hold colons and slashes."""

    regex = r"[\s\S]+:[^:]+:-?[0-9]{1,20}:-?[0-9]{1,20}"

    def to_python(self, value: str) -> str:
        """Return the id as text; reading it is the view's part."""
        return value

    def to_url(self, value: object) -> str:
        """Return the text form, which Django quotes."""
        return str(value)


class ConfigHashConverter(SessionIdConverter):
    """A configHash, which other programs may have given slashes; routes that end in a word come before it."""

    regex = r"[\s\S]+"


register_converter(SessionIdConverter, "sid")
register_converter(ConfigHashConverter, "confighash")
