"""Every environment variable the project reads, each with a default that works for the demo.

| variable | default | what |
| --- | --- | --- |
| `REDIS_URL` | embedded server | `redis://`, `rediss://` or `unix://` address of the Redis that holds the runs |
| `REDIS_SENTINELS` | none | `host:port,host:port/service`; `REDIS_URL` then gives password and database only |
| `REDIS_SENTINEL_PASSWORD` | none | password of the sentinels themselves |
| `REDIS_CLUSTER` | off | `REDIS_URL` is a cluster (its nodes as `host:port,host:port`): session ids are inside braces |
| `REDIS_WAIT_REPLICAS` | 0 | how many replicas must have a write before it is acknowledged |
| `DATABASE_URL` | `sqlite:///var/users.sqlite3` | users and permissions |
| `SECRET_KEY`, `SECRET_KEY_FILE` | made once, kept in `var/secret_key` | signs logins, tokens and cursors |
| `DEBUG` | off | Django's debug pages, for developers only |
| `HTTPS` | on unless `DEBUG`; `serve` on a loopback address: off | redirect to https, cookies over https only, HSTS |
| `ALLOWED_HOSTS` | loopback names and `HOST` | names the service answers to, comma-separated |
| `TRUSTED_PROXIES` | none | addresses or networks whose `X-Forwarded-*` headers are believed |
| `HOST`, `PORT` | `127.0.0.1`, `8000` | where `serve` listens |
| `WORKERS` | one a core, at most 4 | processes of `serve` |
| `MAX_BODY_MB` | 32 | largest request body |
| `TABLE_MEMORY_MB` | 512 | columns of sweep tables that each process keeps in memory |
| `RATELIMIT_API` | `600/m` | requests a user |
| `RATELIMIT_LOGIN` | `10/m` | login attempts an address and name |
| `VAR_DIR` | `var` | everything written at run time: users' database, embedded Redis, keys, exports under way |
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import dj_database_url

from dashboard.errors import SettingError

BASE_DIR = Path(__file__).resolve().parent.parent

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Variables read here; the README's table and the tests are held against it.
NAMES = (
    "REDIS_URL", "REDIS_SENTINELS", "REDIS_SENTINEL_PASSWORD", "REDIS_CLUSTER", "REDIS_WAIT_REPLICAS", "DATABASE_URL",
    "SECRET_KEY", "SECRET_KEY_FILE", "DEBUG", "HTTPS", "ALLOWED_HOSTS", "TRUSTED_PROXIES", "HOST", "PORT", "WORKERS",
    "MAX_BODY_MB", "TABLE_MEMORY_MB", "RATELIMIT_API", "RATELIMIT_LOGIN", "VAR_DIR",
)  # fmt: skip

WILDCARD_HOSTS = ("0.0.0.0", "::")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

#: The shortest key that cannot be guessed: 32 characters at random hold more than 128 bits.
LEAST_KEY_LENGTH = 32

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")

#: Driver module each kind of database needs; only SQLite's comes with Python.
DATABASES = {
    "sqlite": "sqlite3",
    "postgres": "psycopg",
    "postgresql": "psycopg",
    "mysql": "MySQLdb",
}


class Sentinels(NamedTuple):
    """Where Redis Sentinel answers and the name it knows the server by."""

    addresses: tuple[tuple[str, int], ...]
    service: str


class Servers(NamedTuple):
    """What is said of Redis, each checked by itself."""

    url: str | None
    sentinels: Sentinels | None
    is_cluster: bool
    wait_replicas: int


@dataclass(frozen=True)
class Env:
    """The environment, read and checked."""

    redis_url: str | None = field(repr=False)  # what may hold passwords is not shown
    redis_sentinels: Sentinels | None
    redis_sentinel_password: str | None = field(repr=False)
    redis_cluster: bool
    redis_wait_replicas: int
    database: dict[str, Any] = field(repr=False)
    secret_key: str = field(repr=False)
    debug: bool
    https: bool | None
    allowed_hosts: list[str]
    trusted_proxies: tuple[Network, ...]
    host: str
    port: int
    workers: int
    max_body_bytes: int
    table_memory_bytes: int
    ratelimit_api: str
    ratelimit_login: str
    var_dir: Path


def read(environ: Mapping[str, str]) -> Env:
    """Read and check every variable; an empty one counts as absent.

    Raises SettingError for the first bad one. Makes and stores a secret key when none is given.
    """

    def get(name: str, parse: Callable[[str, str], Any], default: Any = None) -> Any:
        text = environ.get(name, "").strip()
        return parse(name, text) if text else default

    var_dir = get("VAR_DIR", _path, BASE_DIR / "var")
    host = get("HOST", _host, "127.0.0.1")
    sqlite = f"sqlite:///{quote(str(var_dir / 'users.sqlite3'))}"
    servers = Servers(
        get("REDIS_URL", _redis_url),
        get("REDIS_SENTINELS", _sentinels),
        get("REDIS_CLUSTER", _boolean, False),
        get("REDIS_WAIT_REPLICAS", _integer(0, 10), 0),
    )
    _check_servers(servers)
    return Env(
        redis_url=servers.url,
        redis_sentinels=servers.sentinels,
        redis_sentinel_password=environ.get("REDIS_SENTINEL_PASSWORD") or None,
        redis_cluster=servers.is_cluster,
        redis_wait_replicas=servers.wait_replicas,
        database=_database("DATABASE_URL", environ.get("DATABASE_URL", "").strip() or sqlite),
        debug=get("DEBUG", _boolean, False),
        https=get("HTTPS", _boolean),
        allowed_hosts=get("ALLOWED_HOSTS", _names, _default_hosts(host)),
        trusted_proxies=get("TRUSTED_PROXIES", _networks, ()),
        host=host,
        port=get("PORT", _integer(1, 65535), 8000),
        workers=get("WORKERS", _integer(1, 256), min(os.cpu_count() or 1, 4)),
        max_body_bytes=get("MAX_BODY_MB", _integer(1, 2048), 32) * 1024 * 1024,
        table_memory_bytes=get("TABLE_MEMORY_MB", _integer(1, 1024 * 1024), 512) * 1024 * 1024,
        ratelimit_api=get("RATELIMIT_API", _rate, "600/m"),
        ratelimit_login=get("RATELIMIT_LOGIN", _rate, "10/m"),
        var_dir=var_dir,
        secret_key=_secret_key(environ, var_dir),  # last: what is refused above leaves no file behind
    )


def _boolean(name: str, text: str) -> bool:
    if text.lower() in TRUE:
        return True
    if text.lower() in FALSE:
        return False
    raise SettingError(name, f"{text!r} is neither on nor off; use 1 or 0.")


def _integer(least: int, most: int) -> Callable[[str, str], int]:
    def parse(name: str, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
            raise SettingError(name, f"{text!r} is not a whole number from {least} to {most}.")
        return int(text)

    return parse


def _rate(name: str, text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,9}/[1-9]?[0-9]{0,4}[smhd]", text):
        raise SettingError(name, f"{text!r} is not a rate such as 600/m (per second s, minute m, hour h, day d).")
    return text


def _path(name: str, text: str) -> Path:
    return (BASE_DIR / Path(text).expanduser()).resolve()


def _host(name: str, text: str) -> str:
    """Return the address to listen on; `localhost` becomes the address it stands for, as the server wants a number."""
    if text == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise SettingError(name, f"{text!r} is not an address such as 127.0.0.1 or 0.0.0.0.") from None


def _names(name: str, text: str) -> list[str]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    for one in names:
        if not re.fullmatch(r"\*|\.?[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]", one):
            raise SettingError(name, f"{one!r} is not a host name; give plain names or addresses, comma-separated.")
    return names


def _networks(name: str, text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise SettingError(name, f"{error}; give addresses or networks such as 10.0.0.0/8, comma-separated.") from None


def _redis_url(name: str, text: str) -> str:
    """Return the address unchanged. What is wrong is told without the address, which may hold a password."""
    user, at, hosts = urlsplit(text).netloc.rpartition("@")
    for host in hosts.split(","):
        _check_redis_url(name, text.replace(f"{user}{at}{hosts}", f"{user}{at}{host}", 1))
    return text


def _check_servers(servers: Servers) -> None:
    """Refuse what does not go together. Raises SettingError."""
    parts = urlsplit(servers.url or "")
    if servers.is_cluster and servers.sentinels:
        raise SettingError(
            "REDIS_CLUSTER", "REDIS_SENTINELS is set too; a cluster needs no sentinels: set one of them."
        )
    if "," in parts.netloc.rpartition("@")[2] and not servers.is_cluster:
        raise SettingError("REDIS_URL", "names several servers, as only a cluster has them; set REDIS_CLUSTER=1 too.")
    if servers.is_cluster and parts.scheme in ("redis", "rediss") and parts.path.strip("/") not in ("", "0"):
        raise SettingError("REDIS_URL", "names a database; a cluster has none but 0.")
    if servers.wait_replicas and not (servers.url or servers.sentinels):
        raise SettingError("REDIS_WAIT_REPLICAS", "the embedded server has no replicas; set REDIS_URL too.")


def _check_redis_url(name: str, text: str) -> str:
    """Return an address with at most one host. Raises SettingError."""
    try:
        parts = urlsplit(text)
        port, database = parts.port, parts.path.strip("/")
    except ValueError as error:
        raise SettingError(name, f"not an address: {error}.") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise SettingError(name, "must begin with redis://, rediss:// or unix://, as in redis://127.0.0.1:6379/0.")
    if parts.scheme == "unix":
        if not parts.path:
            raise SettingError(name, "lacks the socket's path, as in unix:///run/redis/redis.sock.")
    elif not parts.hostname or port == 0 or (database and not database.isdigit()):
        raise SettingError(name, "must be host, port and database number, as in redis://127.0.0.1:6379/0.")
    return text


def _sentinels(name: str, text: str) -> Sentinels:
    hosts, _, service = text.partition("/")
    addresses = []
    for part in hosts.split(","):
        match = re.fullmatch(r"\[?([^\s/\[\]]+?)\]?:([0-9]{1,5})", part.strip())
        if not match or not 0 < int(match[2]) < 65536:
            raise SettingError(name, f"{part.strip()!r} is not host:port; give host:port,host:port/service.")
        addresses.append((match[1], int(match[2])))
    return Sentinels(tuple(addresses), service or "mymaster")


def _database(name: str, url: str) -> dict[str, Any]:
    kind = url.partition(":")[0]
    if "://" not in url or kind not in DATABASES:
        raise SettingError(name, f"must begin with one of {', '.join(f'{kind}://' for kind in DATABASES)}.")
    if find_spec(DATABASES[kind]) is None:
        raise SettingError(name, f"{kind} needs the Python module {DATABASES[kind]}, which is not installed.")
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60))
    except ValueError:
        raise SettingError(name, "not a database address; special characters in it must be percent-encoded.") from None
    if kind == "sqlite":
        _complete_sqlite(name, config)
    elif not config["NAME"]:
        raise SettingError(name, f"lacks the database's name, as in {kind}://user:password@host/name.")
    return config


def _complete_sqlite(name: str, config: dict[str, Any]) -> None:
    if config["NAME"] != ":memory:":
        path = BASE_DIR / config["NAME"]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingError(name, f"the folder {path.parent} cannot be made: {error.strerror}.") from None
        config["NAME"] = str(path)
    # Several workers write logins: readers do not wait for a writer, and a second writer waits instead of failing.
    config["OPTIONS"] = config.get("OPTIONS", {}) | {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
    }


def is_loopback(host: str) -> bool:
    """Tell whether an address to listen on can be reached from this machine only."""
    return ipaddress.ip_address(host).is_loopback


def _default_hosts(host: str) -> list[str]:
    if host in WILDCARD_HOSTS or is_loopback(host):
        return list(LOOPBACK_NAMES)
    return [*LOOPBACK_NAMES, f"[{host}]" if ":" in host else host]


def _secret_key(environ: Mapping[str, str], var_dir: Path) -> str:
    given, file = environ.get("SECRET_KEY", "").strip(), environ.get("SECRET_KEY_FILE", "").strip()
    if given and file:
        raise SettingError("SECRET_KEY", "SECRET_KEY_FILE is set too; set one of them.")
    if given:
        return given
    if file:
        return _read_key("SECRET_KEY_FILE", Path(file).expanduser())
    path = var_dir / "secret_key"
    try:
        if not path.exists():
            _make_key(path)
    except OSError as error:
        raise SettingError("SECRET_KEY", f"none is set and none can be stored in {path}: {error.strerror}.") from None
    return _read_key("SECRET_KEY", path)


def _read_key(name: str, path: Path) -> str:
    try:
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(name, f"{path} cannot be read: {error}.") from None
    if not key:
        raise SettingError(name, f"{path} is empty.")
    return key


def _make_key(path: Path) -> None:
    """Store a new key; when several processes start at once, the first one's stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret_key")  # readable by its owner only
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64) + "\n")
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        Path(draft).unlink()
