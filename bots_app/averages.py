"""An average that another program wrote into a summary, and that is right in its way."""

from __future__ import annotations

import math
from fractions import Fraction

from bots_app.exact_sums import parts_total
from dashboard.store.client import client
from dashboard.store.keys import SessionKeys
from dashboard.tolerant import from_bytes
from sessions_app.records import SessionId, read_summary


def kept_average(sid: SessionId, text: bytes | None, *, made: SessionKeys | None = None) -> dict[str, str]:
    """Return what the scripts take to keep a summary's average, if it is right as the mean of all profits.

    Ours is over completed runs. Another program's number is shown as written unless it is wrong, and both means are in
    use. `made` are the indexes that take the place of those in use.
    """
    summary = read_summary(sid, text)
    if summary is None or summary.avgProfit is None:
        return {}
    used = SessionKeys(str(sid))
    pipe = client().pipeline()
    pipe.hget(used.index("stats"), "revision")
    # What is still to be taken over would change what was made.
    pipe.scard(used.index("dirty"))
    pipe.hgetall((made or used).index("stats"))
    pipe.zcard((made or used).profit)
    revision, changed, stored, count = pipe.execute()
    stats = {from_bytes(name): from_bytes(value) for name, value in stored.items()}
    statuses = [name[2:] for name in stats if name.startswith("n:")]
    total = sum((parts_total(stats.get(f"sum:{status}", "")) for status in statuses), Fraction(0))
    is_wide = any(int(stats.get(f"wide:{status}", 0)) for status in statuses)
    if not count or is_wide or (made and changed > 1):
        return {}
    if not math.isclose(summary.avgProfit, total / count, rel_tol=1e-9, abs_tol=1e-12):
        return {}
    return {"average": repr(summary.avgProfit), "average_at": (revision or b"").decode()}
