"""Every setting: what is understood, what is refused, and that a refusal names the variable."""

from __future__ import annotations

import ipaddress
import stat
from pathlib import Path

import pytest

from dashboard import env
from dashboard.errors import SettingError

KEY = {"SECRET_KEY": "k" * 50}


@pytest.fixture
def read(tmp_path: Path):
    """Read an environment that has a folder of its own."""
    return lambda **given: env.read({"VAR_DIR": str(tmp_path / "var")} | KEY | given)


def test_nothing_set_works_for_the_demo(tmp_path):
    found = env.read({"VAR_DIR": str(tmp_path)})
    assert (found.host, found.port, found.debug, found.redis_url) == ("127.0.0.1", 8000, False, None)
    assert found.database["NAME"] == str(tmp_path / "users.sqlite3")
    assert found.allowed_hosts == ["127.0.0.1", "localhost", "[::1]"]
    assert (found.ratelimit_api, found.ratelimit_login, found.max_body_bytes) == ("600/m", "10/m", 32 * 2**20)
    assert found.workers >= 1


def test_an_empty_variable_counts_as_absent(read):
    assert read(PORT="", REDIS_URL=" ", DATABASE_URL="", SECRET_KEY="").port == 8000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "abc"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "8000.5"),
        ("WORKERS", "-1"),
        ("WORKERS", "0"),
        ("MAX_BODY_MB", "many"),
        ("TABLE_MEMORY_MB", "0"),
        ("REDIS_URL", "nonsense"),
        ("REDIS_URL", "http://127.0.0.1:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://host:99999/0"),
        ("REDIS_URL", "redis://host/first"),
        ("REDIS_URL", "unix://"),
        ("REDIS_SENTINELS", "host"),
        ("REDIS_SENTINELS", "host:0/main"),
        ("REDIS_CLUSTER", "maybe"),
        ("REDIS_WAIT_REPLICAS", "all"),
        ("REDIS_WAIT_REPLICAS", "1"),
        ("DEBUG", "2"),
        ("HTTPS", "https"),
        ("RATELIMIT_API", "many"),
        ("RATELIMIT_API", "0/m"),
        ("RATELIMIT_LOGIN", "10/y"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mongodb://host/name"),
        ("DATABASE_URL", "sqlite://:x:memory"),
        ("ALLOWED_HOSTS", "https://example.com"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy"),
        ("HOST", "example.com"),
        ("SECRET_KEY_FILE", "/nowhere/at/all"),
    ],
)
def test_a_bad_value_is_refused_by_name_in_one_line(tmp_path, name, value):
    given = {"VAR_DIR": str(tmp_path), name: value} | ({} if name == "SECRET_KEY_FILE" else KEY)
    with pytest.raises(SettingError) as caught:
        env.read(given)
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["REDIS_URL", "DATABASE_URL"])
def test_a_password_in_an_address_is_never_repeated(read, name):
    with pytest.raises(SettingError) as caught:
        read(**{name: "nonsense://user:hunter2@host/name"})
    assert "hunter2" not in str(caught.value)


def test_values_are_hidden_where_they_may_hold_passwords(read):
    found = read(REDIS_URL="redis://:hunter2@host/0", DATABASE_URL="sqlite:////tmp/hunter2")
    assert "hunter2" not in repr(found)
    assert KEY["SECRET_KEY"] not in repr(found)


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "rediss://user:word@host", "unix:///run/redis.sock?db=1", "redis://[::1]:1/15"]
)
def test_addresses_of_redis_are_passed_on_unchanged(read, url):
    assert read(REDIS_URL=url).redis_url == url


def test_only_a_cluster_has_several_addresses(read):
    url = "rediss://user:word@a:7000,b:7001/0"
    assert read(REDIS_URL=url, REDIS_CLUSTER="1").redis_url == url
    refused = [
        ({"REDIS_URL": url}, "REDIS_URL: names several servers"),
        ({"REDIS_URL": "redis://a:7000,b:port", "REDIS_CLUSTER": "1"}, "REDIS_URL: not an address"),
        ({"REDIS_URL": "redis://a:7000,", "REDIS_CLUSTER": "1"}, "REDIS_URL: must be host"),
        ({"REDIS_URL": "redis://a/3", "REDIS_CLUSTER": "1"}, "REDIS_URL: names a database"),
        ({"REDIS_SENTINELS": "a:1", "REDIS_CLUSTER": "1"}, "REDIS_CLUSTER: REDIS_SENTINELS is set too"),
    ]
    for given, words in refused:
        with pytest.raises(SettingError, match=words) as caught:
            read(**given)
        assert "word@" not in str(caught.value)


def test_writes_can_wait_for_replicas_of_a_server_that_has_some(read):
    assert read().redis_wait_replicas == 0
    assert read(REDIS_URL="redis://a", REDIS_WAIT_REPLICAS="2").redis_wait_replicas == 2
    assert read(REDIS_SENTINELS="a:1", REDIS_WAIT_REPLICAS="1").redis_wait_replicas == 1
    assert "hunter2" not in repr(read(REDIS_SENTINELS="a:1", REDIS_SENTINEL_PASSWORD="hunter2"))


def test_sentinels_and_their_service(read):
    found = read(REDIS_SENTINELS="a:26379, b:26380/runs").redis_sentinels
    assert found == ((("a", 26379), ("b", 26380)), "runs")
    assert read(REDIS_SENTINELS="[::1]:26379").redis_sentinels == ((("::1", 26379),), "mymaster")


def test_hosts_and_proxies(read):
    assert read(ALLOWED_HOSTS="a.example, .b.example,[::1],*").allowed_hosts == [
        "a.example",
        ".b.example",
        "[::1]",
        "*",
    ]
    assert read(HOST="192.0.2.7").allowed_hosts[-1] == "192.0.2.7"
    assert read(HOST="localhost").host == "127.0.0.1"
    assert read(TRUSTED_PROXIES="10.0.0.0/8,::1").trusted_proxies == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::1"),
    )


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("True", True), ("off", False), ("no", False)])
def test_switches(read, text, meant):
    assert read(DEBUG=text).debug is meant


def test_a_relative_database_lies_in_the_project(read):
    assert read(DATABASE_URL="sqlite:///var/x.sqlite3").database["NAME"] == str(env.BASE_DIR / "var/x.sqlite3")
    assert read(DATABASE_URL="sqlite://:memory:").database["NAME"] == ":memory:"


def test_a_database_without_its_driver_says_so(read, monkeypatch):
    monkeypatch.setattr(env, "find_spec", lambda name: None)
    with pytest.raises(SettingError, match="DATABASE_URL: postgres needs the Python module psycopg"):
        read(DATABASE_URL="postgres://host/name")


def test_a_key_is_made_once_and_kept_private(tmp_path):
    first, second = (env.read({"VAR_DIR": str(tmp_path)}).secret_key for _ in range(2))
    assert first == second
    assert len(first) > 50
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_a_key_can_come_from_a_file(tmp_path):
    (tmp_path / "key").write_text("from a file\n")
    given = {"VAR_DIR": str(tmp_path), "SECRET_KEY_FILE": str(tmp_path / "key")}
    assert env.read(given).secret_key == "from a file"
    with pytest.raises(SettingError, match="^SECRET_KEY: SECRET_KEY_FILE is set too"):
        env.read(given | KEY)


def test_every_variable_is_in_the_table(tmp_path):
    assert env.__doc__ is not None
    for name in env.NAMES:
        assert f"`{name}`" in env.__doc__


def test_no_other_variable_is_read(tmp_path):
    class Recorder(dict):
        asked: set[str] = set()

        def get(self, name, default=None):
            self.asked.add(name)
            return super().get(name, default)

    env.read(Recorder({"VAR_DIR": str(tmp_path)}))
    assert Recorder.asked == set(env.NAMES)
