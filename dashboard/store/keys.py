"""Every key of the product, and nothing else builds one.

`{sid}` is `{symbol}:{timeframe}:{startTimestamp}:{endTimestamp}`; with REDIS_CLUSTER=1 it stands in literal braces, a
hash tag, so that all keys of a session share a slot, and `bot_registry:sessions` stands so before the colon of the keys
that go with it. Nothing expires but the marks of the last searches for what other programs wrote, those of who follows
foreign writes and who builds a session's indexes, and what is put down for such a build; and, where writes wait for
replicas, `bot_registry:awaited:` and a tag in braces, which is there for a millisecond beside each.

Fixed: read and written by other programs too.

key                                          type        holds
bot_registry:session_current:{sid}           string      SessionSummary, JSON
bot_registry:run:{sid}:{configHash}          string      BacktestRunRecord, JSON
bot_registry:trades:{sid}:{configHash}       string      array of Trade, JSON
session:{sid}:bots                           set         configHash of every run
session:{sid}:bots:status:{status}           set         configHash of every run in that status
session:{sid}:bots:profit                    zset        score = profit, for every run that has a finite one

Ours: derived from the records, made again by `rebuild_indexes`, deleted with the session. They live under `index`,
apart from `bots`, because a status may be any text: `session:{sid}:bots:status:x:profit` could be the fixed set of a
status `x:profit`.

bot_registry:sessions                        zset        every sid, score = number of the last change to its summary
bot_registry:sessions:gone                   zset        the sids deleted last, score = number of the deletion
bot_registry:sessions:state                  hash        number of the last change, epoch of the numbers, what was done
bot_registry:sessions:seen                   hash        sid -> sha1 of a foreign summary that was noticed, and when
bot_registry:sessions:discovered             string      there while the last search for foreign ones is recent; expires
bot_registry:sessions:checked                string      there while the last look at the summaries listed is; expires
bot_registry:follower                        string      who follows foreign writes, how, how far behind (JSON); expires
session:{sid}:index:rows                     hash        configHash -> the row of the list, as the API answers it (JSON)
session:{sid}:index:stats                    hash        revision, version built, our summary, sums, choice of columns
session:{sid}:index:unranked                 zset        score 0, every run without a finite profit
session:{sid}:index:updated                  zset        score = lastUpdated (ms), runs of unusual statuses with one
session:{sid}:index:undated                  zset        score 0, runs of unusual statuses without lastUpdated
session:{sid}:index:status:{status}:profit   zset        as session:{sid}:bots:profit, for one status
session:{sid}:index:status:{status}:unranked zset        as index:unranked, for one status
session:{sid}:index:status:{status}:updated  zset        score = lastUpdated (ms), runs of one status with one
session:{sid}:index:status:{status}:undated  zset        score 0, runs of one status without lastUpdated
session:{sid}:index:deleting                 set         the runs of a session being deleted, until they are gone
session:{sid}:index:builder                  string      who builds the indexes anew just now (JSON); expires
session:{sid}:index:dirty                    set         what our writers changed since that build began; expires
session:{sid}:table:{g}:places               hash        configHash -> row and shape of a run in the sweep table
session:{sid}:table:{g}:hashes:{segment}     string      configHash of each row, padded; zeros: the row is empty
session:{sid}:table:{g}:long                 hash        row -> a configHash that is too long for its place there
session:{sid}:table:{g}:values:{segment}:{f} string      8 bytes a row: the values of the field f
session:{sid}:table:{g}:shapes               hash        shape -> the fields of a run that have a column, JSON
session:{sid}:table:{g}:columns              set         every field that has a column
session:{sid}:table:{g}:omitted              set         fields for which there was no column left
session:{sid}:table:{g}:texts                hash        code of a text -> the text
session:{sid}:table:{g}:changes              zset        score = revision of the last change of a segment
session:{sid}:table:{g}:moved                zset        the same, of those whose rows were given out or freed
session:{sid}:table:{g}:recent               zset        score = revision of the last change of a row; the newest
session:{sid}:table:{g}:tail                 hash        configHash -> row and values of a run that was written alone
session:{sid}:table:{g}:free                 set         rows of deleted runs, and the shape that each had
session:{sid}:table:dropped                  set         generations that are no longer in use and are being removed
session:{sid}:events                         stream      what changed, capped; written by the script that changed it

A list of all runs by time is the merge of the sets of the usual statuses (USUAL_STATUSES) and of `index:updated`, which
holds the runs of all others: most runs stand in one set less, and however many statuses there are, four are merged.

The table of a session has a generation g, a short token, which `index:stats` names; a segment is its next SEGMENT_ROWS
rows. How a value stands there is said in `bots_app/table/values.py`. What the tail holds (includes/table_tail.lua says
in which form) is newer than what the columns do, and goes there with the next batch; so do the hashes of its new runs.
In a large session the strings of a segment are made before it has rows (includes/table_ahead.lua).

What a build makes stands under `session:{sid}:next:{token}:` and the rest of the name, a sweep table as the generation
{token}, until it takes the place of what was in use; that is put aside under `session:{sid}:next:{token}:old:` and
removed. `index:heard` is there alone: a set of what other programs changed since the build began. What a build leaves
that was killed goes with the next one. The indexes of a session that is being deleted are put aside there too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings

#: Every sid, score = number of the last change; see includes/session_list.lua.
SESSIONS = "bot_registry:sessions"
#: Who follows foreign writes.
FOLLOWER = "bot_registry:follower"
#: Channel, not a key: what our own scripts have just written, for who follows the writes of others.
WRITTEN = "bot_registry:written"
#: Keys that foreign programs announce changes with: records and summaries.
RECORDS, SUMMARIES = "bot_registry:run:*", "bot_registry:session_current:*"
#: Statuses whose runs stand by time in the sets of the status alone; includes/times.lua says the same.
USUAL_STATUSES = ("completed", "failed", "running")
#: Derived sorted sets of each status, under `status:{status}:`; those of the whole session are called the same.
PER_STATUS = ("profit", "unranked", "updated", "undated")

#: Rows of one segment of a table: 8 bytes each and what the server puts before them fit a block of 32 KiB.
SEGMENT_ROWS = 4_080
#: Names of the keys of a table's generation that hold no segment, see `TableKeys.name`.
TABLE_NAMES = ("places", "long", "shapes", "columns", "omitted", "texts", "changes", "moved", "recent", "free", "tail")

_SUMMARY = "bot_registry:session_current:"
_RUN = "bot_registry:run:"
_TRADES = "bot_registry:trades:"
#: What separates a foreign record's key into sid and hash: three colons for the sid, counted from the right. Takes what
#: `SessionId.parse` takes.
_SID = re.compile(r"(.+):([^:]+):(-?\d{1,19}):(-?\d{1,19})", re.DOTALL)


@dataclass(frozen=True)
class SessionKeys:
    """The keys of one session; `sid` in its text form."""

    sid: str

    @property
    def tag(self) -> str:
        return f"{{{self.sid}}}" if settings.REDIS_CLUSTER else self.sid

    @property
    def summary(self) -> str:
        return f"{_SUMMARY}{self.tag}"

    @property
    def prefix(self) -> str:
        """Return what every index of the session begins with."""
        return f"session:{self.tag}:"

    @property
    def bots(self) -> str:
        return f"{self.prefix}bots"

    @property
    def profit(self) -> str:
        return f"{self.prefix}bots:profit"

    @property
    def status_prefix(self) -> str:
        return f"{self.prefix}bots:status:"

    @property
    def run_prefix(self) -> str:
        return f"{_RUN}{self.tag}:"

    @property
    def trades_prefix(self) -> str:
        return f"{_TRADES}{self.tag}:"

    @property
    def index_prefix(self) -> str:
        return f"{self.prefix}index:"

    @property
    def index_status_prefix(self) -> str:
        return f"{self.index_prefix}status:"

    @property
    def events(self) -> str:
        return f"session:{self.tag}:events"

    def status(self, status: str) -> str:
        return f"{self.status_prefix}{status}"

    def run(self, config_hash: str) -> str:
        return f"{self.run_prefix}{config_hash}"

    def trades(self, config_hash: str) -> str:
        return f"{self.trades_prefix}{config_hash}"

    def index(self, name: str) -> str:
        """Return a key of ours of the whole session: rows, stats, unranked, updated, undated, deleting, builder, dirty.

        Under the keys of a build also heard: what other programs changed since it began.
        """
        return f"{self.index_prefix}{name}"

    def index_status(self, status: str, name: str) -> str:
        """Return a derived sorted set of one status; `name` is one of PER_STATUS."""
        return f"{self.index_status_prefix}{status}:{name}"

    @property
    def builds_prefix(self) -> str:
        """Return what every key begins with that a build makes and puts aside."""
        return f"session:{self.tag}:next:"

    def next(self, token: str) -> ShadowKeys:
        """Return the keys under which a build makes the indexes, beside those in use."""
        return ShadowKeys(self.sid, f"{self.builds_prefix}{token}:")

    def old(self, token: str) -> ShadowKeys:
        """Return the keys under which a build puts aside the indexes that were in use."""
        return ShadowKeys(self.sid, f"{self.builds_prefix}{token}:old:")

    @property
    def table_prefix(self) -> str:
        """Return what every key of the sweep table begins with."""
        return f"session:{self.tag}:table:"

    @property
    def dropped_tables(self) -> str:
        return f"{self.table_prefix}dropped"

    def table(self, generation: str) -> TableKeys:
        """Return the keys of one generation of the sweep table."""
        return TableKeys(f"{self.table_prefix}{generation}:")

    def pattern(self, prefix: str) -> str:
        """Return a MATCH pattern for every key with the prefix; what would be a wildcard in it is escaped."""
        return re.sub(r"([*?\[\]\\^])", r"\\\1", prefix) + "*"

    def owns(self, key: str) -> bool:
        """Tell whether a key belongs to this session."""
        return key == self.summary or key.startswith(
            (self.run_prefix, self.trades_prefix, f"session:{self.tag}:bots", self.index_prefix, self.events,
             self.builds_prefix, self.table_prefix)
        )  # fmt: skip


@dataclass(frozen=True)
class TableKeys:
    """The keys of one generation of a session's sweep table; `prefix` is what all of them begin with."""

    prefix: str

    def name(self, name: str) -> str:
        """Return a key of the whole table; `name` is one of TABLE_NAMES."""
        return f"{self.prefix}{name}"

    def hashes(self, segment: int) -> str:
        return f"{self.prefix}hashes:{segment}"

    def values(self, segment: int, field: str) -> str:
        return f"{self.prefix}values:{segment}:{field}"


@dataclass(frozen=True)
class ShadowKeys(SessionKeys):
    """The indexes of one session under other names; records, summary and events are the session's own."""

    place: str

    @property
    def prefix(self) -> str:
        return self.place


@dataclass(frozen=True)
class NamedKeys(SessionKeys):
    """The keys of one session by the names asked for, whichever are in use: with its id in braces, or plain."""

    is_tagged: bool

    @property
    def tag(self) -> str:
        return f"{{{self.sid}}}" if self.is_tagged else self.sid


def list_key(name: str) -> str:
    """Return another key of the list of sessions: gone, state, seen, discovered, checked."""
    return f"{{{SESSIONS}}}:{name}" if settings.REDIS_CLUSTER else f"{SESSIONS}:{name}"


def list_keys() -> list[str]:
    """Return the keys that a script takes which changes the list of sessions, in its order."""
    return [SESSIONS, list_key("gone"), list_key("state"), list_key("seen")]


def awaited(key: str) -> str:
    """Return a key in the slot of another one, which is there for a moment, see `dashboard.store.awaited`."""
    tag = key.partition("{")[2].partition("}")[0] or key
    return f"bot_registry:awaited:{{{tag}}}"


def session_of(key: str) -> tuple[str, str | None] | None:
    """Return (sid, configHash or None) of a key that shows that a session exists; None for any other key.

    A configHash holds no colon, so that the sid ends at the last one; a hash of another program's that does hold one is
    found through the session's set instead.
    """
    for prefix, has_hash in ((_SUMMARY, False), (_RUN, True)):
        if key.startswith(prefix):
            rest = key.removeprefix(prefix)
            sid, _, config_hash = rest.rpartition(":") if has_hash else (rest, "", None)
            return _checked(sid, config_hash)
    if key.startswith("session:") and key.endswith(":bots"):
        return _checked(key.removeprefix("session:").removesuffix(":bots"), None)
    return None


def builds_of(key: str) -> list[str]:
    """Return the sids that a key of a build, `session:{sid}:next:...`, may be of."""
    parts = key.removeprefix("session:").split(":next:")
    names = (":next:".join(parts[:count]) for count in range(1, len(parts)))
    return [found[0] for name in names if (found := _checked(name, None))]


def readings(key: str) -> list[tuple[str, str]]:
    """Return every (sid, configHash) that a record's key may be of, the one whose hash holds no colon last."""
    parts = key.removeprefix(_RUN).split(":")
    splits = ((":".join(parts[:count]), ":".join(parts[count:])) for count in range(4, len(parts)))
    return [(found[0], found[1] or "") for pair in splits if (found := _checked(*pair))]


def is_unclear(key: str) -> bool:
    """Tell whether a record's key has not one reading: its hash holds a colon, or could."""
    found = session_of(key)
    return found is None or (found[0].count(":") > 3 and len(readings(key)) > 1)


def _checked(sid: str, config_hash: str | None) -> tuple[str, str | None] | None:
    if settings.REDIS_CLUSTER:
        if not (sid.startswith("{") and sid.endswith("}")):
            return None
        sid = sid[1:-1]
    return (sid, config_hash) if _SID.fullmatch(sid) else None
