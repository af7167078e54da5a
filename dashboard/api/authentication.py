"""Who a bearer token belongs to: simplejwt's answer, without doing again what cannot have come out differently.

Its own way costs more than finding a page of runs: it checks a signature that it checked a moment ago, and has Django
compose a query that is always the same. The user's row is read for every request all the same, so that who was switched
off is out at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, lru_cache
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import connections, router
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token
from rest_framework_simplejwt.utils import aware_utcnow

#: Tokens remembered as properly signed, by each process; some 2 kB each.
REMEMBERED = 1024
#: What is read of a user beforehand; the rest is read when somebody asks for it.
FIELDS = ("username", "is_active", "is_staff", "is_superuser")


class TokenAuthentication(JWTAuthentication):
    """Takes the access tokens of simplejwt; whatever is wrong with one is told in its words."""

    def get_validated_token(self, raw_token: bytes) -> Token:
        """Return the token if it is ours and has not run out. Raises InvalidToken."""
        token = _verified(raw_token)
        try:
            token.check_exp(current_time=aware_utcnow())
        except TokenError:
            return super().get_validated_token(raw_token)
        return token

    def get_user(self, validated_token: Token) -> AbstractBaseUser:
        """Return the active user that the token names. Raises AuthenticationFailed."""
        user = None
        if api_settings.USER_ID_CLAIM in validated_token and not api_settings.CHECK_REVOKE_TOKEN:
            user = read_user(validated_token[api_settings.USER_ID_CLAIM])
        if user is None or not user.is_active:
            return super().get_user(validated_token)
        return user


@lru_cache(REMEMBERED)
def _verified(raw_token: bytes) -> Token:
    """Return the token, the same one again for the same text. Raises InvalidToken, which is not remembered."""
    return JWTAuthentication().get_validated_token(raw_token)


def reader_of(header: str) -> str | None:
    """Return the primary key of the active user whose access token an Authorization header holds, None for all else.

    Why not is for `TokenAuthentication` to say. Cost: one query.
    """
    try:
        key, name, ends = _claims(header)
    except (InvalidToken, ValueError, KeyError, ValidationError):
        return None
    return name if time.time() < ends and _is_active(key) else None


@lru_cache(REMEMBERED)
def _claims(header: str) -> tuple[Any, str, float]:
    """Return whom a header's token names, as a key and as text, and until when (epoch).

    Raises InvalidToken, ValueError, KeyError, ValidationError.
    """
    kind, raw = header.split()
    if kind not in api_settings.AUTH_HEADER_TYPES or api_settings.CHECK_REVOKE_TOKEN:
        raise ValueError("to be looked at in the usual way")
    claims = _verified(raw.encode()).payload
    key = get_user_model()._meta.pk.to_python(claims[api_settings.USER_ID_CLAIM])
    return key, str(key), claims["exp"]


def _is_active(key: Any) -> bool:
    """Tell whether there is a user with that primary key who may log in: one query."""
    database, _, sql = _statement(("is_active",))
    row = _read_row(database, sql, key)
    return row is not None and bool(row[-1])  # the primary key comes first


def read_user(key: Any) -> AbstractBaseUser | None:
    """Return the user with that primary key, None when there is none: one query."""
    model = get_user_model()
    fields = _read_fields(model._meta.pk.to_python(key), FIELDS)
    return fields and model.from_db(router.db_for_read(model), list(fields), list(fields.values()))


def _read_fields(key: Any, names: tuple[str, ...]) -> dict[str, Any] | None:
    """Return the primary key and the fields of a user, None when there is none: one query."""
    database, fields, sql = _statement(names)
    row = _read_row(database, sql, key)
    if row is None:
        return None
    return {field.attname: field.to_python(value) for field, value in zip(fields, row, strict=True)}


def _read_row(database: str, sql: str, key: Any) -> Sequence[Any] | None:
    """Return the row that a statement with one parameter finds."""
    connection = connections[database]
    connection.close_if_unusable_or_obsolete()  # as at the beginning of each of Django's requests
    is_watched = connection.execute_wrappers or connection.force_debug_cursor
    if connection.vendor == "sqlite" and connection.connection is not None and not is_watched:
        # What Django does around a query takes six times what SQLite takes to answer it.
        with suppress(connection.Database.Error):  # asked again below, where Django tells what is wrong
            return connection.connection.execute(sql.replace("%s", "?"), (key,)).fetchone()
    with connection.cursor() as cursor:
        cursor.execute(sql, [key])
        return cursor.fetchone()


@cache
def _statement(names: tuple[str, ...]) -> tuple[str, list[Any], str]:
    """Return what the query for a user is asked of, the fields that it reads, and its text."""
    model = get_user_model()
    database = router.db_for_read(model)
    compiler = model._default_manager.using(database).filter(pk=0).only(*names).query.get_compiler(database)
    sql, _ = compiler.as_sql()
    return database, [column.target for column, _, _ in compiler.select], sql
