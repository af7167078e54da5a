"""Who a bearer token belongs to: simplejwt's answer, without doing again what cannot have come out differently.

Its own way costs more than finding a page of runs: it checks a signature that it checked a moment ago, and has Django
compose a query that is always the same. The user's row is read for every request all the same, so that who was switched
off is out at once.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connections, router
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
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


def read_user(key: Any) -> AbstractBaseUser | None:
    """Return the user with that primary key, None when there is none: one query."""
    model = get_user_model()
    database = router.db_for_read(model)
    fields, sql = _statement(database)
    with connections[database].cursor() as cursor:
        cursor.execute(sql, [model._meta.pk.to_python(key)])
        row = cursor.fetchone()
    if row is None:
        return None
    values = [field.to_python(value) for field, value in zip(fields, row, strict=True)]
    return model.from_db(database, [field.attname for field in fields], values)


@cache
def _statement(database: str) -> tuple[list[Any], str]:
    """Return the fields that the query for a user reads, and its text."""
    model = get_user_model()
    compiler = model._default_manager.using(database).filter(pk=0).only(*FIELDS).query.get_compiler(database)
    sql, _ = compiler.as_sql()
    return [column.target for column, _, _ in compiler.select], sql
