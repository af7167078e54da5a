"""How passwords are stored."""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher


class OneCoreArgon2Hasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes, one lane: the OWASP password storage cheat sheet's first recommendation.

    Some 20 ms of one core. Django's own choice takes 100 MiB and eight threads a login, its default, PBKDF2, 0.4 s: on
    a small server a few scripts that log in at once would hold up everybody's pages.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
