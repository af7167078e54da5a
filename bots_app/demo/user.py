"""The demo's user, and the password that is made for it once."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

USERNAME = "demo"
#: All rights but the administration of users, so that everything can be tried.
GROUPS = ("Operators", "Writers")


def demo_user(var_dir: Path) -> tuple[str, str]:
    """Make the user, or let it log in again, and return name and password.

    The password is kept in `var_dir`, in a file for its owner alone.
    """
    password = _password(var_dir / "demo_password")
    user, is_new = get_user_model().objects.get_or_create(username=USERNAME)
    if is_new or not user.is_active or not user.check_password(password):
        user.is_active = True
        user.set_password(password)
        user.save()
    user.groups.add(*Group.objects.filter(name__in=GROUPS))
    return USERNAME, password


def _password(path: Path) -> str:
    if path.exists() and (kept := path.read_text().strip()):
        return kept
    password = secrets.token_urlsafe(9)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{password}\n")
    return password
