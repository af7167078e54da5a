"""Runs the workers: what `manage.py serve` and `manage.py demo` share."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import multiprocessing
import os
import resource
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from granian.constants import Interfaces
from granian.log import LogLevels

from dashboard.env import is_loopback
from dashboard.errors import EmbeddedServerError, SettingError
from dashboard.stopping import Stop
from dashboard.store import embedded
from dashboard.supervisor import Supervisor, WorkersDie

#: Threads of a worker for requests. One that waits for a silent Redis holds one for seconds; the others go on.
THREADS = 8
#: Most connections of a worker: those of event streams, and kept ones without a request.
CONNECTIONS = 4096
#: Files that a process needs to be allowed for that.
FILES = 2 * CONNECTIONS
#: Seconds that workers have to finish their requests when the server is stopped.
STOP_LIMIT_S = 5
#: Folders of the API documentation's package that our pages do not use.
UNUSED_STATIC = ["redoc"]
#: Seconds between two looks at whether the workers answer yet.
LOOK_S = 0.1
#: Seconds between two looks at the embedded Redis.
WATCH_S = 1.0

log = logging.getLogger(__name__)


def prepare(warn: Callable[[str], object], stop: Stop) -> None:
    """Check settings, port and database, start the embedded Redis, collect static files.

    Raises SettingError, EmbeddedServerError. What is wrong but can mend itself while serving is passed to `warn`.
    """
    check_port()
    if settings.REDIS_URL is None and settings.REDIS_SENTINELS is None:
        embedded.attach(settings.VAR_DIR)
        threading.Thread(target=_keep_attached, args=(stop,), name="embedded-watch", daemon=True).start()
    for message in run_checks(tags=["redis"], include_deployment_checks=True):
        warn(str(message))
    if pending := pending_migrations():
        warn(f"{pending} migrations are not applied; run `manage.py migrate`.")
    collect_static()


def check_port() -> None:
    """Refuse a port that is in use; workers share theirs, so they would not notice."""
    family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
            probe.listen()
        except PermissionError:
            raise SettingError("PORT", f"{settings.PORT} needs rights this user lacks; use 1024 or more.") from None
        except OSError as error:
            why = f"cannot listen on {settings.HOST}:{settings.PORT} ({error.strerror}); use another PORT or HOST."
            raise SettingError("PORT", why) from None


def pending_migrations() -> int:
    """Return how many migrations the users' database lacks."""
    connection = connections["default"]
    try:
        executor = MigrationExecutor(connection)
        return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    finally:
        connection.close()


def collect_static() -> None:
    """Collect the static files under names with a hash, unless none has changed since the last time."""
    if settings.DEBUG:
        return
    root = Path(settings.STATIC_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    mark, wanted = root / ".fingerprint", _fingerprint()
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two servers of one checkout may start at once
        if not mark.exists() or mark.read_text() != wanted:
            call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED_STATIC)
            mark.write_text(wanted)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for finder in finders.get_finders():
        for name, storage in finder.list(None):
            status = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _keep_attached(stop: Stop) -> None:
    """Bring the embedded Redis back should its guard be killed, until this process is to end."""
    while not stop.is_asked:
        time.sleep(WATCH_S)
        try:
            embedded.attach(settings.VAR_DIR)
        except EmbeddedServerError as error:
            log.error("%s", error)


def allow_files(wanted: int) -> None:
    """Let this process and its workers have that many open files, or as many as the system allows."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _say_when_up(say: Callable[[str], object]) -> None:
    """Tell the address once somebody answers there: who follows it earlier is refused."""
    while True:
        try:
            socket.create_connection((settings.HOST, settings.PORT), timeout=1).close()
            break
        except OSError:
            time.sleep(LOOK_S)
    host = f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST
    say(f"Serving on http://{host}:{settings.PORT}/ with {settings.WORKERS} workers; Ctrl-C ends it.")


def serve(say: Callable[[str], object], stop: Stop) -> None:
    """Serve until SIGTERM or SIGINT. Raises WorkersDie when the workers keep dying."""
    threading.Thread(target=_say_when_up, args=(say,), name="tell-when-up", daemon=True).start()
    if not os.environ.get("HTTPS", "").strip():
        if is_loopback(settings.HOST):
            os.environ["HTTPS"] = "0"  # for the workers: nobody else can listen in
        elif settings.HTTPS:
            say("Plain http is redirected to https, as HOST can be reached from elsewhere; HTTPS=0 turns that off.")
    allow_files(FILES)
    # A forked worker would inherit this process's threads' locks and connections.
    multiprocessing.set_start_method("spawn", force=True)
    server = Supervisor(
        "dashboard.worker:application",
        stop=stop,
        address=settings.HOST,
        port=settings.PORT,
        interface=Interfaces.WSGI,
        workers=settings.WORKERS,
        blocking_threads=THREADS,
        backpressure=CONNECTIONS,
        websockets=False,
        workers_kill_timeout=STOP_LIMIT_S,
        working_dir=settings.BASE_DIR,
        log_level=LogLevels.error,
        log_access=False,
    )
    server.serve()
    if server.failure:
        raise WorkersDie(server.failure)
