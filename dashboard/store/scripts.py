"""The Lua scripts, as methods' worth of functions: `script("read_page")(keys, args)`.

A script is a file in `lua/`; `--- @include "name"` on a line of its own stands for `lua/includes/name.lua`. The header
must document every `KEYS[n]` that the code uses: a script that does not is refused when it is loaded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from dashboard.store import lean
from dashboard.store.awaited import await_script
from dashboard.store.client import SCRIPT_TEXTS, client, translated

FOLDER = Path(__file__).with_name("lua")
_INCLUDE = re.compile(r'^--- @include "(\w+)"$', re.MULTILINE)
_HEADER = re.compile(r"\A(?:--.*\n)+")


class ScriptError(Exception):
    """Raised at load time when a script's header and body do not fit: a mistake of ours, never of a user's."""


class Script:
    """One Lua script: sent by its digest, or whole when the server does not know it (restarted, failed over)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = _load(name)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        SCRIPT_TEXTS[self.sha] = self.text
        await_script(name, self.sha, self.text)

    def __call__(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run the script: one round trip. Raises StoreUnavailable, KeyTypeError."""
        try:
            return client().evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            with translated():
                return client().eval(self.text, len(keys), *keys, *args)

    def command(self, keys: Sequence[str], args: Sequence[Any], *, rest: int = 0) -> lean.Command:
        """Return the call of the script for `read`, to be kept: all of it but the last `rest` arguments."""
        return lean.Command(("EVALSHA", self.sha, len(keys), *keys, *args), rest=rest)

    def read(self, command: lean.Command, rest: Sequence[Any] = ()) -> Any:
        """Run the script, which changes nothing, as a call does, at less cost to this process."""
        try:
            return lean.read(client(), command, rest)
        except NoScriptError:
            with translated():
                return client().eval(self.text, *command.words[2:], *rest)

    def each(self, calls: Iterable[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Run the script for each (keys, args), all in one round trip; an error of one is its answer.

        Raises StoreUnavailable.
        """
        pipe = client().pipeline()
        self.load(pipe)
        for keys, args in calls:
            self.queue(pipe, keys, args)
        answers: list[Any] = pipe.answers()
        return answers[1:]

    def load(self, pipe: Any) -> None:
        """Have a pipeline make the script known: one answer, before those of `queue`."""
        pipe.script_load(self.text)

    def queue(self, pipe: Any, keys: Sequence[str], args: Sequence[Any]) -> None:
        """Have a pipeline run the script."""
        pipe.evalsha(self.sha, len(keys), *keys, *args)


@cache
def script(name: str) -> Script:
    """Return the script of that name, loaded once a process."""
    return Script(name)


def _load(name: str) -> str:
    text = (FOLDER / f"{name}.lua").read_text(encoding="utf-8")
    header = _HEADER.match(text)
    documented = set(re.findall(r"KEYS\[(\d+)\]", header.group())) if header else set()
    whole = _INCLUDE.sub(lambda match: (FOLDER / "includes" / f"{match[1]}.lua").read_text(encoding="utf-8"), text)
    missing = set(re.findall(r"KEYS\[(\d+)\]", whole)) - documented
    if missing:
        raise ScriptError(f"{name}.lua: the header does not say what KEYS {sorted(missing)} are")
    return whole
