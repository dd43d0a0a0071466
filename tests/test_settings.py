"""Settings come from options, then from the environment, then from defaults; a wrong one is told in one line."""

from pathlib import Path

import pytest

from blog.domain.accounts.invitations import Registration
from blog.settings import SettingError, Settings, UnknownSetting, service_variables, unknown_settings

WRONG = {
    "BLOG_DATABASE_URL": [
        "",
        "blog.db",
        "sqlite:///",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a.db?x=1",
        "mysql://h",
    ],
    "BLOG_HOST": [" ", "two words", "h\n", "ключ"],
    "BLOG_UDS": [" ", "a\nb", "a\0b"],
    "BLOG_KEEP_ALIVE": ["0", "-1", "3601", "1.5", "never"],
    "BLOG_PORT": ["-1", "65536", "80.0", "http", "\uff18\uff10", "9" * 5000],
    "BLOG_THREADS": ["0", "257", "four"],
    "BLOG_CORS_HEADERS": ["X A", "X-A: b", "ä", "X-A\nX-B"],
    "BLOG_CORS_ORIGINS": [
        "*, https://example.org",
        "*.example.org",
        "https://*.example.org",
        "https://user@example.org",
        "https://example.org:port",
        "example.org",
        "https://",
        "https://example.org/",
        "https://a.org https://b.org",
        "null",
    ],
    "BLOG_ARGON2_MEMORY": ["7", "lots"],
    "BLOG_ARGON2_ITERATIONS": ["0"],
    "BLOG_ARGON2_LANES": ["0", "65"],
    "BLOG_TOKEN_DAYS": ["0", "forever"],
    "BLOG_TOKEN_IDLE_DAYS": ["0", "-1", "3651", "never"],
    "BLOG_REGISTRATION": ["yes", "Open", "open,invite"],
    "BLOG_SITE_NAME": [" ", "a\nb", "a\0b"],
    "BLOG_TRUSTED_PROXIES": ["*", "localhost", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1 10.0.0.2", "::g", "10.0.0.1:80"],
    "BLOG_REQUIRE_IF_MATCH": ["maybe"],
    "BLOG_ROOT_PATH": ["blog", "//evil", "/a//b", "/..", "/a/./b", "/a b", "/a?b", "/%2e", "/\r\n", "/" + "a" * 200],
    "BLOG_THROTTLE_SCALE": ["0", "-1", "0.5", "1000001", "none"],
    "BLOG_DEBUG": ["maybe", "2"],
}


def test_without_anything_set_it_starts_with_its_defaults() -> None:
    assert Settings.read({}) == Settings()
    assert (Settings().database_url, Settings().host, Settings().port) == ("sqlite:///blog.db", "127.0.0.1", 8000)
    assert not Settings().debug
    assert Settings().cors_origins == ()


def test_the_default_settings_close_registration_trust_no_proxy_and_keep_the_limits() -> None:
    settings = Settings()

    assert (settings.token_days, settings.token_idle_days) == (30, 14)
    assert (settings.registration, settings.site_name) == ("closed", "blog")
    assert (settings.trusted_proxies, settings.throttle_scale, settings.token) == ((), 1, "")


def test_an_option_goes_before_the_environment_and_that_before_the_default() -> None:
    environment = {"BLOG_PORT": "8001", "BLOG_HOST": "0.0.0.0"}

    settings = Settings.read(environment, port="8002", host=None)

    assert (settings.port, settings.host, settings.threads) == (8002, "0.0.0.0", 4)


def test_every_setting_is_read_from_the_variable_of_its_name() -> None:
    environment = {
        "BLOG_DATABASE_URL": "memory:",
        "BLOG_HOST": "::1",
        "BLOG_PORT": "0",
        "BLOG_UDS": "/run/blog.sock",
        "BLOG_KEEP_ALIVE": "120",
        "BLOG_THREADS": "9",
        "BLOG_CORS_HEADERS": "X-B3-TraceId, X-B3-SpanId",
        "BLOG_CORS_ORIGINS": "https://Example.org, http://localhost:3000,",
        "BLOG_ARGON2_MEMORY": "65536",
        "BLOG_ARGON2_ITERATIONS": "3",
        "BLOG_ARGON2_LANES": "4",
        "BLOG_TOKEN_DAYS": "1",
        "BLOG_TOKEN_IDLE_DAYS": "2",
        "BLOG_REGISTRATION": "invite",
        "BLOG_SITE_NAME": "Example Notes",
        "BLOG_ROOT_PATH": "/our/blog/",
        "BLOG_TRUSTED_PROXIES": "10.0.0.0/8, ::1,192.0.2.7, unix",
        "BLOG_REQUIRE_IF_MATCH": "yes",
        "BLOG_THROTTLE_SCALE": "10",
        "BLOG_DEBUG": "Yes",
    }

    assert Settings.read(environment) == Settings(
        database_url="memory:",
        host="::1",
        port=0,
        uds="/run/blog.sock",
        keep_alive=120,
        threads=9,
        cors_headers=("X-B3-TraceId", "X-B3-SpanId"),
        cors_origins=("https://example.org", "http://localhost:3000"),
        argon2_memory=65_536,
        argon2_iterations=3,
        argon2_lanes=4,
        token_days=1,
        token_idle_days=2,
        registration="invite",
        site_name="Example Notes",
        root_path="/our/blog",
        trusted_proxies=("10.0.0.0/8", "::1/128", "192.0.2.7/32", "unix"),
        require_if_match=True,
        throttle_scale=10,
        debug=True,
    )
    assert environment.keys() == WRONG.keys()


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("*", ("*",)),
        (" * ", ("*",)),
        ("capacitor://localhost,ionic://localhost", ("capacitor://localhost", "ionic://localhost")),
        ("http://my_app.local:3000", ("http://my_app.local:3000",)),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        ("https://Example.org:443, http://example.org:80", ("https://example.org", "http://example.org")),
        ("https://example.org:80", ("https://example.org:80",)),
        ("chrome-extension://abcdefghijklmnop", ("chrome-extension://abcdefghijklmnop",)),
    ],
)
def test_origins_are_read_as_browsers_write_them(text: str, origins: tuple[str, ...]) -> None:
    assert Settings.read({"BLOG_CORS_ORIGINS": text}).cors_origins == origins


@pytest.mark.parametrize(("text", "path"), [("", ""), ("/", "/"), ("/blog", "/blog"), ("/a/b.c/", "/a/b.c")])
def test_the_trailing_slash_of_a_root_path_is_removed(text: str, path: str) -> None:
    assert Settings.read({"BLOG_ROOT_PATH": text}).root_path == path


def test_a_setting_can_stand_in_a_file_that_the_environment_names(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("sqlite:///secret.db\n", encoding="utf-8")

    assert Settings.read({"BLOG_DATABASE_URL_FILE": str(file)}).database_url == "sqlite:///secret.db"
    assert Settings.read({"BLOG_DATABASE_URL_FILE": str(file)}, database_url="memory:").database_url == "memory:"


@pytest.mark.parametrize(("variable", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_value_is_refused_in_one_line_that_names_its_variable(variable: str, text: str) -> None:
    with pytest.raises(SettingError) as refused:
        Settings.read({variable: text})

    assert str(refused.value).startswith(f"{variable}: must be ")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("variable", "text"), [(name, texts[-1]) for name, texts in WRONG.items()])
def test_a_wrong_value_in_a_file_is_refused_without_being_repeated(variable: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(SettingError) as refused:
        Settings.read({f"{variable}_FILE": str(file)})

    assert str(refused.value).startswith(f"{variable}_FILE: must be ")
    assert "not '" not in str(refused.value)


def test_a_wrong_option_is_refused_by_the_name_of_the_option() -> None:
    with pytest.raises(SettingError, match=r"^--port: must be a whole number from 0 to 65535, not 'x'$"):
        Settings.read({"BLOG_PORT": "8001"}, port="x")
    with pytest.raises(SettingError, match=r"^--database: must be "):
        Settings.read({}, database_url="x")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for name in ("missing", ".", "a\0b"):
        with pytest.raises(SettingError, match=r"^BLOG_DATABASE_URL_FILE: \S+ cannot be read \(\w+\)$"):
            Settings.read({"BLOG_DATABASE_URL_FILE": str(tmp_path / name)})


def test_a_file_that_begins_with_a_byte_order_mark_is_read_without_the_mark(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xef\xbb\xbfblog_hunter2\r\n")

    assert Settings.read({"BLOG_TOKEN_FILE": str(file)}).token == "blog_hunter2"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_another_encoding_is_refused_as_that_and_not_repeated(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "token"
    file.write_text("blog_hünter2", encoding=encoding)

    with pytest.raises(SettingError) as refused:
        Settings.read({"BLOG_TOKEN_FILE": str(file)})

    assert str(refused.value).startswith("BLOG_TOKEN_FILE: must be in UTF-8")
    assert "nter2" not in str(refused.value)


@pytest.mark.parametrize("variable", sorted(WRONG.keys() - {"BLOG_DATABASE_URL"}))
def test_an_empty_variable_counts_as_not_set(variable: str, tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("1", encoding="utf-8")

    assert Settings.read({variable: "", f"{variable}_FILE": ""}) == Settings()
    assert Settings.read({"BLOG_THREADS": "", "BLOG_THREADS_FILE": str(file)}).threads == 1


@pytest.mark.parametrize("variable", ["BLOG_DATABASE_URL", "BLOG_TOKEN"])
def test_an_empty_variable_that_would_mean_another_database_or_more_rights_is_refused(variable: str) -> None:
    for name in (variable, f"{variable}_FILE"):
        with pytest.raises(SettingError, match=f"^{name}: "):
            Settings.read({name: ""})


def test_a_setting_told_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^BLOG_PORT and BLOG_PORT_FILE: only one"):
        Settings.read({"BLOG_PORT": "1", "BLOG_PORT_FILE": str(tmp_path)})


def test_the_database_url_is_never_shown() -> None:
    secret = "mysql://blog:hunter2@db/blog"

    assert "hunter2" not in repr(Settings(database_url=secret))
    for told in ({"environment": {"BLOG_DATABASE_URL": secret}}, {"environment": {}, "database_url": secret}):
        with pytest.raises(SettingError) as refused:
            Settings.read(**told)
        assert "hunter2" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_token_is_never_shown_and_can_stand_in_a_file(tmp_path: Path) -> None:
    token = "blog_hunter2"
    file = tmp_path / "token"
    file.write_text(f"{token}\n", encoding="utf-8")

    for settings in (Settings.read({"BLOG_TOKEN": token}), Settings.read({"BLOG_TOKEN_FILE": str(file)})):
        assert settings.token == token
        assert "hunter2" not in repr(settings)
    with pytest.raises(SettingError) as refused:
        Settings.read({"BLOG_TOKEN": token, "BLOG_TOKEN_FILE": str(file)})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(SettingError, match=r"^BLOG_TOKEN: must not be empty"):
        Settings.read({"BLOG_TOKEN": ""})


@pytest.mark.parametrize("registration", ["open", "invite", "closed"])
def test_every_way_of_registration_that_the_blog_knows_can_be_set(registration: str) -> None:
    assert Settings.read({"BLOG_REGISTRATION": registration}).registration == Registration(registration).value


def test_no_way_of_registration_that_the_blog_knows_cannot_be_set() -> None:
    with pytest.raises(SettingError, match=", ".join(each.value for each in list(Registration)[:-1])):
        Settings.read({"BLOG_REGISTRATION": "x"})


def test_an_ipv6_address_may_stand_in_brackets() -> None:
    assert Settings.read({"BLOG_HOST": "[::1]"}).host == "::1"
    assert Settings.read({"BLOG_HOST": "[fe80::1%eth0]"}).host == "fe80::1%eth0"
    assert Settings.read({"BLOG_HOST": "[::1]", "BLOG_DEBUG": "on"}).debug


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.0.0.1.example.org"])
def test_debug_is_refused_on_an_address_that_others_can_reach(host: str) -> None:
    with pytest.raises(SettingError, match=r"^BLOG_DEBUG: "):
        Settings.read({"BLOG_DEBUG": "1", "BLOG_HOST": host})


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_debug_is_allowed_on_loopback_addresses(host: str) -> None:
    assert Settings.read({"BLOG_DEBUG": "on", "BLOG_HOST": host}).debug


def test_argon2_is_given_the_memory_that_its_lanes_need() -> None:
    with pytest.raises(SettingError, match=r"^BLOG_ARGON2_MEMORY: must be at least 8 for each of BLOG_ARGON2_LANES$"):
        Settings.read({"BLOG_ARGON2_MEMORY": "31", "BLOG_ARGON2_LANES": "4"})
    assert Settings.read({"BLOG_ARGON2_MEMORY": "32", "BLOG_ARGON2_LANES": "4"}).argon2_memory == 32


def test_misspelt_settings_are_noticed() -> None:
    environment = {"BLOG_PROT": "1", "BLOG_PORT": "1", "BLOG_PORT_FILE": "x", "BLOGGER": "x", "BLOG_DATABASE": "x"}

    assert unknown_settings(environment) == [
        UnknownSetting("BLOG_DATABASE", "BLOG_DATABASE_URL"),
        UnknownSetting("BLOG_PROT", "BLOG_PORT"),
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BLOG_DATABSE_URL", "BLOG_DATABASE_URL"),
        ("BLOG_DATABASE_FILE", "BLOG_DATABASE_URL_FILE"),
        ("BLOG_database_url", "BLOG_DATABASE_URL"),
        ("BLOG_WORKER", "BLOG_WORKERS"),
        ("BLOG_CORS_ORIGIN", "BLOG_CORS_ORIGINS"),
        ("BLOG_THEME", None),
        ("BLOG_COLOUR", None),
    ],
)
def test_the_setting_that_was_likely_meant_is_named(name: str, meant: str | None) -> None:
    assert unknown_settings({name: "x"}) == [UnknownSetting(name, meant)]


def test_variables_of_the_tests_are_not_misspelt_settings() -> None:
    assert unknown_settings({"BLOG_TEST_POSTGRES_URL": "postgresql://h/db"}) == []


_SERVICE = {
    "BLOG_SERVICE_HOST": "10.96.0.12",
    "BLOG_SERVICE_PORT": "80",
    "BLOG_SERVICE_PORT_HTTP": "80",
    "BLOG_PORT": "tcp://10.96.0.12:80",
    "BLOG_PORT_80_TCP": "tcp://10.96.0.12:80",
    "BLOG_PORT_80_TCP_PROTO": "tcp",
    "BLOG_PORT_80_TCP_PORT": "80",
    "BLOG_PORT_80_TCP_ADDR": "10.96.0.12",
    "BLOG_DB_SERVICE_HOST": "10.96.0.13",
    "BLOG_DB_PORT": "tcp://10.96.0.13:5432",
    "BLOG_DB_PORT_5432_TCP": "tcp://10.96.0.13:5432",
    "BLOG_DNS_PORT": "udp://10.96.0.14:53",
    "BLOG_DNS_PORT_53_UDP_ADDR": "10.96.0.14",
}


def test_variables_of_kubernetes_services_called_blog_are_ignored() -> None:
    assert Settings.read(_SERVICE) == Settings()
    assert unknown_settings(_SERVICE) == []
    assert service_variables(_SERVICE) == sorted(_SERVICE)


def test_the_port_setting_is_not_a_variable_of_kubernetes() -> None:
    assert service_variables({"BLOG_PORT": "8001", "BLOG_HOST": "::", "BLOG_DB_PORT": "5432"}) == []
    assert Settings.read({**_SERVICE, "BLOG_PORT": "8001"}).port == 8001
    assert Settings.read(_SERVICE, port="8001").port == 8001
