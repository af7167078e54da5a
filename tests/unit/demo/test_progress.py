"""Progress: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

from dashboard.progress import LINE_EVERY_S, Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_a_terminal_there_is_a_line_now_and_then():
    now, stream = [0.0], io.StringIO()
    with Progress("Working", unit="runs", stream=stream, clock=lambda: now[0]) as progress:
        progress.expect(3000)
        for _ in range(30):
            now[0] += LINE_EVERY_S / 10
            progress.advance(100)
    assert stream.getvalue().splitlines() == [f"Working: {done} of 3,000 runs" for done in ("1,000", "2,000", "3,000")]


def test_a_terminal_shows_a_bar():
    stream = Terminal()
    with Progress("Working", unit="runs", stream=stream) as progress:
        progress.expect(10)
        progress.advance(10)
    assert "10/10" in stream.getvalue()


def test_nothing_to_do_shows_nothing():
    stream = Terminal()
    with Progress("Working", unit="runs", stream=stream) as progress:
        progress.expect(0)
    assert stream.getvalue() == ""
