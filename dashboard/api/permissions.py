"""Who may do what, in one place, for the API and the pages alike.

Analysts (any active user) read; Writers also add and replace runs; Operators also annotate and delete;
superusers do all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

if TYPE_CHECKING:
    # DRF's views read the settings that name this module.
    from rest_framework.views import APIView

WRITERS = "Writers"
OPERATORS = "Operators"
#: Groups whose members may use a method that is not safe.
GROUPS_FOR = {
    "POST": frozenset({WRITERS, OPERATORS}),
    "PUT": frozenset({WRITERS, OPERATORS}),
    "PATCH": frozenset({OPERATORS}),
    "DELETE": frozenset({OPERATORS}),
}
MESSAGES = {
    "POST": "Only members of the groups Writers and Operators may write runs.",
    "PUT": "Only members of the groups Writers and Operators may write runs.",
    "PATCH": "Only members of the group Operators may edit notes and tags.",
    "DELETE": "Only members of the group Operators may delete.",
}

User = AbstractBaseUser | AnonymousUser


def can_read(user: User) -> bool:
    """Tell whether the user may see data at all; `authentication.reader_of` says the same of a token."""
    return bool(user.is_authenticated and user.is_active)


def can_write_runs(user: User) -> bool:
    """Tell whether the user may add and replace runs."""
    return _may(user, "PUT")


def can_edit(user: User) -> bool:
    """Tell whether the user may edit notes and tags, and delete."""
    return _may(user, "PATCH")


def groups_of(user: User) -> frozenset[str]:
    """Return the names of the user's groups; one query for each user object, which lives as long as its request."""
    if "_group_names" not in user.__dict__:
        user.__dict__["_group_names"] = frozenset(user.groups.values_list("name", flat=True))
    return user.__dict__["_group_names"]


def _may(user: User, method: str) -> bool:
    if not can_read(user):
        return False
    return bool(getattr(user, "is_superuser", False)) or not GROUPS_FOR[method].isdisjoint(groups_of(user))


class Rights(BasePermission):
    """The rule of this module as DRF asks for it."""

    message: str | None = None

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether the user may use the method; one that the address does not offer is left for a 405."""
        if request.method in SAFE_METHODS or request.method not in GROUPS_FOR:
            return can_read(request.user)
        if getattr(view, "action", "") is None:
            return can_read(request.user)
        self.message = MESSAGES[request.method]
        return _may(request.user, request.method)
