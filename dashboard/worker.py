"""What a worker process of `manage.py serve` runs: the application, and a watch on its parent and on its own end."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import granian._signals
import granian.server.mp
from django.urls import get_resolver

from dashboard.stopping import HELD
from dashboard.store.hub import hub
from dashboard.wsgi import application

__all__ = ["application"]

# Loads every view now: a worker's first request should not be the one that waits for half a second of imports.
get_resolver().url_patterns  # noqa: B018

#: Seconds that a worker without parent has to finish its requests.
GRACE_S = 5.0


class Protocol:
    """What granian has for one request, but that an event stream gets a thread of its own.

    granian would run it in one of the threads for requests, and starts further ones too late when many streams are
    opened at a time: a request could wait until the next one comes.
    """

    __slots__ = ("_granian", "response_bytes")

    def __init__(self, protocol: Any) -> None:
        self._granian = protocol
        self.response_bytes = protocol.response_bytes

    def response_iter(self, status: int, headers: list[tuple[str, str]], body: Any) -> None:
        """Send the parts of an answer."""
        send = self._granian.response_iter
        if getattr(body.inner, "is_endless", False):
            threading.Thread(target=send, args=(status, headers, body), name="event-stream", daemon=True).start()
        else:
            send(status, headers, body)


def _with_streams(wrap: Callable[..., Callable[..., Any]]) -> Callable[..., Callable[..., Any]]:
    """Return granian's function that makes its callback of an application, with our protocol in it."""

    def wrapped(*args: Any, **options: Any) -> Callable[..., Any]:
        run = wrap(*args, **options)
        return lambda protocol, scope: run(Protocol(protocol), scope)

    return wrapped


# granian has no place to say so; its version is locked, and a test opens more streams than there are threads.
granian.server.mp._wsgi_call_wrap = _with_streams(granian.server.mp._wsgi_call_wrap)


def _hear(interrupt: Callable[..., None], reload: Callable[..., None] | None = None) -> None:
    """Set what granian does when this process is told to end, and let in the signals that its parent has held back.

    Once only: a signal to the whole group is followed by one from the parent, and granian waits for itself on a second
    one that comes before it has looked at the first.
    """
    is_told = False

    def told(number: int, frame: object) -> None:
        nonlocal is_told
        if not is_told:
            is_told = True
            interrupt(number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that hung up: the parent decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """End this process once its parent has; a killed parent cannot say so, and its workers would keep the port."""
    multiprocessing.connection.wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


def _end_streams(told: socket.socket) -> None:
    """End the event streams once this process is told to end; granian would wait for them until it is killed."""
    while told.recv(1)[0] not in (signal.SIGTERM, signal.SIGINT):
        pass
    hub.close()


if (_parent := multiprocessing.parent_process()) is not None:
    granian._signals.set_main_signals = _hear
    threading.Thread(target=_end_with, args=(_parent,), name="parent-watch", daemon=True).start()
    # Python writes each signal's number there, whoever handles it: granian sets its own handlers after this.
    _told, _telling = socket.socketpair()
    _telling.setblocking(False)
    signal.set_wakeup_fd(_telling.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_end_streams, args=(_told,), name="end-watch", daemon=True).start()
