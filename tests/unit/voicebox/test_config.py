"""Reading the configuration: the file, the environment, and what errors say."""

import json
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from voicebox.addresses import Endpoint
from voicebox.arrival import MailboxOf
from voicebox.config import Config, ConfigError, find_config, read_config
from voicebox.settings import Identity, Mwi, SmtpSecurity

# interfaces.md, "Configuration", as it stands there.
EXAMPLE = """
data_dir = "var"
[sip]
listen = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]
domain = "voicebox.example"
portal = ["8000"]
external = "203.0.113.7"
[[sip.peer]]
name = "pbx"
company = "Beispiel GmbH"
address = "127.0.0.1"
identity = "pai"
verified_caller_id = false
mailbox_of = "last"
mwi = "none"
mwi_uri = "sip:{number}@127.0.0.1"
refer = false
rtp_keepalive = "sparse"
max_calls = 0
[[sip.trunk]]
name = "trunk"
registrar = "sip:trunk.example"
username = "…"
password = "…"
proxy = ""
[outbound]
peer = "pbx"
allow = ["+49"]
max_calls = 10
daily_budget_min = 600
[rtp]
address = "127.0.0.1"
external = "203.0.113.7"
ports = [16384, 32767]
[web]
listen = "127.0.0.1:8080"
public_url = "http://127.0.0.1:8080"
[smtp]
host = "127.0.0.1"
port = 2525
security = "none"
sender = "voicebox@example.org"
[database]
url = "sqlite+aiosqlite:///var/voicebox.db"
[audio]
url = "file:///srv/voicebox/audio"
"""


def read(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "voicebox.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path, environ)


def problems(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, **environ)
    return [str(problem).replace(str(folder / "voicebox.toml"), "FILE") for problem in caught.value.problems]


def test_example_of_the_interface_is_read(tmp_path: Path) -> None:
    config = read(tmp_path, EXAMPLE)
    assert config.sip.listen == ("udp:127.0.0.1:5060", "tcp:127.0.0.1:5060")
    assert config.sip.peer[0].mailbox_of is MailboxOf.LAST
    assert config.sip.peer[0].identity is Identity.PAI
    assert config.sip.trunk[0].proxy is None
    assert config.rtp.advertised == ip_address("203.0.113.7")
    assert config.rtp.calls_max == 8192
    assert config.web.listen == Endpoint("127.0.0.1", 8080)
    assert config.smtp.port == 2525
    assert config.database.url == f"sqlite+aiosqlite:///{tmp_path}/var/voicebox.db"
    assert config.audio.url == "file:///srv/voicebox/audio"
    assert config.source("pbx") is config.sip.peer[0]
    assert config.source("trunk") is config.sip.trunk[0]
    assert config.source("nobody") is None


def test_empty_file_gives_defaults_beside_it(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert config.data_dir == tmp_path / "var"
    assert config.spool_dir == tmp_path / "var" / "spool"
    assert config.database.url == f"sqlite+aiosqlite:///{tmp_path}/var/voicebox.db"
    assert config.audio.url == (tmp_path / "var" / "audio").as_uri()
    assert config.web.public_url == "http://127.0.0.1:8080"
    assert (config.smtp.host, config.smtp.port, config.smtp.security) == ("127.0.0.1", 25, SmtpSecurity.NONE)


def test_defaults_reach_no_further_than_this_machine(tmp_path: Path) -> None:
    config = read(tmp_path, "")
    assert all(ip_address(address.host).is_loopback for address in config.sip.addresses)
    assert config.rtp.address.is_loopback
    assert ip_address(config.web.listen.host).is_loopback


def test_stores_follow_the_data_folder(tmp_path: Path) -> None:
    config = read(tmp_path, 'data_dir = "/srv/a b"')
    assert config.database.url == "sqlite+aiosqlite:////srv/a b/voicebox.db"
    assert config.audio.url == "file:///srv/a%20b/audio"


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("sqlite+aiosqlite:////abs/box.db", "sqlite+aiosqlite:////abs/box.db"),
        ("sqlite+aiosqlite:///rel/box.db?x=1", "sqlite+aiosqlite:///{here}/rel/box.db?x=1"),
        ("postgresql+asyncpg://u:p@host/name", "postgresql+asyncpg://u:p@host/name"),
    ],
)
def test_database_url(tmp_path: Path, written: str, url: str) -> None:
    assert read(tmp_path, f'[database]\nurl = "{written}"').database.url == url.format(here=tmp_path)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("s3://bucket/prefix/", "s3://bucket/prefix"),
        ("file:///srv/audio", "file:///srv/audio"),
        ("rel/audio", "file://{here}/rel/audio"),
    ],
)
def test_audio_url(tmp_path: Path, written: str, url: str) -> None:
    assert read(tmp_path, f'[audio]\nurl = "{written}"').audio.url == url.format(here=tmp_path)


def test_paths_are_relative_to_the_file_and_not_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "box.toml").write_text('[web]\ncertificate = "tls/c.pem"\nkey = "/k.pem"\n')
    monkeypatch.chdir(tmp_path)
    config = read_config(Path("etc/box.toml"), {})
    assert config.web.certificate == tmp_path / "etc" / "tls" / "c.pem"
    assert config.web.key == Path("/k.pem")
    assert config.web.public_url == "https://127.0.0.1:8080"


def test_smtp_elsewhere_is_encrypted_unless_told_otherwise(tmp_path: Path) -> None:
    smtp = read(tmp_path, '[smtp]\nhost = "mx.example"').smtp
    assert (smtp.security, smtp.port) == (SmtpSecurity.STARTTLS, 587)
    smtp = read(tmp_path, '[smtp]\nhost = "mx.example"\nsecurity = "tls"').smtp
    assert (smtp.security, smtp.port) == (SmtpSecurity.TLS, 465)
    smtp = read(tmp_path, '[smtp]\nhost = "localhost"').smtp
    assert (smtp.security, smtp.port) == (SmtpSecurity.NONE, 25)


# --- the environment


def test_environment_wins_key_by_key(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        EXAMPLE,
        VOICEBOX_DATA_DIR="/data",
        VOICEBOX_SIP__LISTEN="udp:[::1]:5070, tcp:127.0.0.1:5070",
        VOICEBOX_SIP__PORTAL='["8001", "8002"]',
        VOICEBOX_SIP__PEER__0__REFER="true",
        VOICEBOX_RTP__PORTS="20000,20010",
        VOICEBOX_SMTP__PORT="2526",
        VOICEBOX_WEB__TRUSTED_PROXIES="10.0.0.0/8,::1",
        VOICEBOX_OUTBOUND__ALLOW="",
    )
    assert config.data_dir == Path("/data")
    assert config.sip.listen == ("udp:[::1]:5070", "tcp:127.0.0.1:5070")
    assert config.sip.portal == ("8001", "8002")
    assert config.sip.peer[0].refer is True
    assert config.sip.peer[0].name == "pbx"
    assert config.rtp.ports == (20000, 20010)
    assert config.smtp.port == 2526
    assert config.web.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert config.outbound.allow == ()
    assert config.sip.domain == "voicebox.example"


def test_environment_adds_tables_by_number_or_as_json(tmp_path: Path) -> None:
    numbered = {f"VOICEBOX_SIP__PEER__{n}__NAME": f"pbx{n}" for n in range(12)}
    numbered |= {f"VOICEBOX_SIP__PEER__{n}__ADDRESS": f"10.0.0.{n}" for n in range(12)}
    assert [peer.name for peer in read(tmp_path, "", **numbered).sip.peer] == [f"pbx{n}" for n in range(12)]
    whole = json.dumps([{"name": "one", "address": "10.0.0.1"}])
    assert [
        peer.name for peer in read(tmp_path, EXAMPLE, VOICEBOX_SIP__PEER=whole, VOICEBOX_OUTBOUND__PEER="").sip.peer
    ] == ["one"]


def test_empty_variable_means_the_default(tmp_path: Path) -> None:
    config = read(tmp_path, "", VOICEBOX_SIP__EXTERNAL="", VOICEBOX_SMTP__PORT="", VOICEBOX_DATABASE__URL="")
    assert config.sip.external is None
    assert config.smtp.port == 25
    assert config.database.url.endswith("/var/voicebox.db")


def test_wrong_value_from_the_environment_names_the_variable(tmp_path: Path) -> None:
    assert problems(tmp_path, EXAMPLE, VOICEBOX_SIP__PEER__0__MAX_CALLS="-1") == [
        '$VOICEBOX_SIP__PEER__0__MAX_CALLS: sip.peer[0].max_calls: "-1" is too small. Write 0 or more.'
    ]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("VOICEBOX_SIP__LISTN", "Did you mean listen?"),
        ("VOICEBOX_DATADIR", "Did you mean data_dir?"),
        ("VOICEBOX_SIP", "VOICEBOX_SIP__KEY"),
        ("VOICEBOX_SIP__PEER", "write json"),
        ("VOICEBOX_SIP__PEER__7__NAME", "Number the next one 0"),
        ("VOICEBOX_SIP__PEER__0", "is a section"),
        ("VOICEBOX_SIP__LISTEN__0", "Leave the number out"),
        ("VOICEBOX_SIP__PEER__NAME", "no such key"),
        ("VOICEBOX_SIP__DOMAIN__X", "no such key"),
        ("VOICEBOX_", "no such key"),
        ("VOICEBOX_0", "Leave the number out"),
        ("VOICEBOX___", "no such key"),
    ],
)
def test_variable_that_fits_no_key_is_an_error(tmp_path: Path, name: str, words: str) -> None:
    found = problems(tmp_path, "", **{name: "x"})
    assert len(found) == 1
    assert found[0].startswith(f"${name}: ")
    assert words.lower() in found[0].lower()


def test_broken_json_in_a_variable(tmp_path: Path) -> None:
    assert "starts like JSON" in problems(tmp_path, "", VOICEBOX_SIP__LISTEN='["udp')[0]


def test_variable_below_something_that_is_no_table(tmp_path: Path) -> None:
    found = problems(tmp_path, "sip = 3", VOICEBOX_SIP__DOMAIN="a.example")
    assert "Correct the file first" in found[0]


def test_variables_of_others_are_left_alone(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "",
        VOICEBOX_PORT="tcp://10.0.0.1:5060",
        VOICEBOX_PORT_5060_UDP_ADDR="10.0.0.1",
        VOICEBOX_SERVICE_HOST="10.0.0.1",
        VOICEBOX_CONFIG="elsewhere.toml",
        VOICEBOXES="x",
        PATH="/bin",
    )
    assert config == read(tmp_path, "")


# --- errors


def test_every_mistake_is_named_with_line_key_problem_and_cure(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
data_dir = 3
[sip]
listn = ["udp:127.0.0.1:5060"]
portal = [8000, "x"]
[[sip.peer]]
name = "a b"
address = "10.0.0.1/8"
mwi = "sometimes"
refer = "perhaps"
[[sip.trunk]]
name = "t"
password = 704431
[rtp]
ports = [20000, 20001, 20002]
[smtp]
port = "abc"
[billing]
rate = 1
[log]
level = []
[[web]]
[outbound]
max_calls = 3.5
daily_budget_min = -4
allow = "+49"
""",
    )
    assert found == [
        "FILE, line 1: data_dir: 3 is not a path. Write it in quotes.",
        "FILE, line 3: sip.listn: there is no such key. Did you mean listen?",
        'FILE, line 4: sip.portal[0]: 8000 is not text. Write it in quotes, as "8000".',
        'FILE, line 4: sip.portal[1]: "x" is not a number to dial. Write digits, such as "8000" or "+492115558000".',
        (
            'FILE, line 6: sip.peer[0].name: "a b" is not a name. '
            "Write up to 63 letters, digits, dots, hyphens and underscores."
        ),
        (
            "FILE, line 7: sip.peer[0].address: '10.0.0.1/8' has bits set beyond its prefix. "
            'Write "10.0.0.0/8", or the single address without "/".'
        ),
        "FILE, line 8: sip.peer[0].mwi: \"sometimes\" is not one of the choices. Write one of 'none' or 'unsolicited'.",
        'FILE, line 9: sip.peer[0].refer: "perhaps" is neither true nor false. Write true or false, without quotes.',
        "FILE, line 10: sip.trunk[0].registrar: is missing. Write it; it has no default.",
        "FILE, line 10: sip.trunk[0].username: is missing. Write it; it has no default.",
        "FILE, line 12: sip.trunk[0].password: the value is not text. Write it in quotes.",
        "FILE, line 14: rtp.ports: has the wrong number of entries. Write exactly as many as the documentation shows.",
        'FILE, line 16: smtp.port: "abc" is not a number. Write a number, without quotes.',
        (
            "FILE, line 17: billing: there is no such key. "
            "The keys here are data_dir, sip, outbound, rtp, web, smtp, database, audio, retention, log."
        ),
        (
            "FILE, line 20: log.level: a list is not one of the choices. "
            "Write one of 'debug', 'info', 'warning' or 'error'."
        ),
        "FILE, line 21: web: a list is not a section. Write it as a table, [web].",
        "FILE, line 23: outbound.max_calls: 3.5 is not a number. Write a number, without quotes.",
        "FILE, line 24: outbound.daily_budget_min: -4 is too small. Write 0 or more.",
        'FILE, line 25: outbound.allow: "+49" is not a list. Put it in square brackets.',
    ]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://u:p%2F%40@db.example:5432/voicebox",
        "postgresql+asyncpg:///voicebox?host=/var/run/postgresql",
        "postgresql+asyncpg://u@[::1]/voicebox?ssl=require",
    ],
)
def test_addresses_of_postgresql_are_taken(tmp_path: Path, url: str) -> None:
    assert read(tmp_path, f'[database]\nurl = "{url}"').database.url == url


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[sip]\nlisten = []", 2, "sip.listen: is empty"),
        ('[database]\nurl = "postgresql+asyncpg://u:geheim@h:x/n"', 2, "database.url: has a port that is no number"),
        (
            '[database]\nurl = "postgresql+asyncpg://u:geheim@h:99999/n"',
            2,
            "database.url: has a port that is no number",
        ),
        ('[database]\nurl = "postgresql+asyncpg://u:ge@h/eim@h/n"', 2, "database.url: has a / or # before its @"),
        ('[database]\nurl = "postgresql+asyncpg://u:geheim@h/n?foo=1"', 2, "database.url: has an unknown option 'foo'"),
        ('[sip]\nlisten = ["udp:1.2.3.4:5060", "UDP:1.2.3.4:5060"]', 2, "is there twice"),
        (
            '[sip]\nlisten = [\n"udp:1.2.3.4:5060",\n"tls:1.2.3.4:5061"]',
            4,
            "sip.listen[1]: 'tls:1.2.3.4:5061' asks for TLS, which this version does not speak. Listen on udp: or tcp:",
        ),
        (
            '[sip]\nlisten = ["udp:voicebox.example:5060"]',
            2,
            "sip.listen[0]: 'voicebox.example' in 'udp:voicebox.example:5060' is a name, and SIP listens on addresses.",
        ),
        ('[sip]\ndomain = "a b"', 2, "is not a host"),
        ('[[sip.peer]]\nname = "a"\naddress = "10.0.0.1"\nmwi = "unsolicited"', 1, "sip.peer[0].mwi_uri: is missing"),
        ('[[sip.peer]]\nname = "a"\naddress = "10.0.0.1"\nmwi_uri = "sip:x"', 4, "no place for the mailbox's number"),
        ('[[sip.peer]]\nname = "a"\naddress = "10.0.0.1"\nmwi_uri = "{number}"', 4, "is not a SIP address"),
        (
            '[[sip.peer]]\nname = "a"\naddress = "10.0.0.1"\n[[sip.peer]]\nname = "a"\naddress = "10.0.0.2"',
            5,
            "sip.peer[1].name: 'a' is taken",
        ),
        (
            '[[sip.peer]]\nname = "a"\naddress = "10.0.0.1"\n[[sip.peer]]\nname = "b"\naddress = "10.0.0.1/32"',
            6,
            "sip.peer[1].address: 10.0.0.1 already belongs to peer 'a'",
        ),
        ('[[sip.trunk]]\nname = "t"\nregistrar = "trunk"\nusername = "u"\npassword = "p"', 3, "is not a SIP address"),
        ('[[sip.trunk]]\nname = "t"\nregistrar = "sip:t"\nusername = ""\npassword = "p"', 4, "username: is empty"),
        ('[outbound]\npeer = "pbx"', 2, "outbound.peer: 'pbx' is neither a peer nor a trunk"),
        ('[outbound]\nallow = ["0049"]', 2, "is not an international prefix"),
        ('[rtp]\naddress = "0.0.0.0"', 1, "rtp.external: is missing"),
        ('[rtp]\naddress = "host"', 2, "is not an IP address"),
        ("[rtp]\nports = [20001, 20002]", 2, "holds no even port"),
        ("[rtp]\nports = [1, 20002]", 2, "rtp.ports[0]: 1 is too small"),
        ("[rtp]\nports = [20001, 70000]", 2, "rtp.ports[1]: 70000 is too large"),
        ('[web]\nlisten = "8080"', 2, "is not host:port"),
        ('[web]\npublic_url = "voicebox.example"', 2, "is not a web address"),
        ('[web]\ncertificate = "c.pem"', 1, "web.key: is missing"),
        ('[web]\nkey = "c.pem"', 1, "web.certificate: is missing"),
        ('[smtp]\nsender = "Voice <a@b>"', 2, "is not a mail address"),
        ('[smtp]\nusername = "u"', 1, "smtp.password: is missing"),
        ('[smtp]\npassword = "p"', 1, "smtp.username: is missing"),
        ('[smtp]\nhost = "mx.example"\nsecurity = "none"\nusername = "u"\npassword = "p"', 3, "password in clear"),
        ("[smtp]\ntimeout_s = 0", 2, "Write more than 0"),
        ('[database]\nurl = "mysql://x"', 2, "is not a database we know"),
        ('[database]\nurl = "sqlite+aiosqlite://"', 2, "keeps nothing"),
        ('[database]\nurl = "sqlite+aiosqlite:///:memory:"', 2, "keeps nothing"),
        ('[audio]\nurl = "gs://bucket"', 2, "is not a place we know"),
        ('[audio]\nurl = "file://host/a"', 2, "is not a place we know"),
        ('[audio]\nurl = "s3:///prefix"', 2, "names no bucket"),
    ],
)
def test_impossible_value_is_refused_at_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    found = problems(tmp_path, text)
    assert len(found) == 1
    assert found[0].startswith(f"FILE, line {line}: ")
    assert words in found[0]


def test_secrets_appear_in_no_error_and_no_repr(tmp_path: Path) -> None:
    secret = "hunter2-very-secret"
    trunk = f'[[sip.trunk]]\nname = "t"\nregistrar = "sip:t"\nusername = "u"\npassword = "{secret}"\n'
    database = f'[database]\nurl = "postgresql+asyncpg://u:{secret}@h/n"\n'
    smtp = f'[smtp]\nhost = "mx.example"\nusername = "u"\npassword = "{secret}"\n'
    config = read(tmp_path, trunk + database + smtp)
    assert secret not in repr(config)
    assert config.sip.trunk[0].password.get_secret_value() == secret
    wrong = f'[[sip.trunk]]\npassword = ["{secret}"]\n[database]\nurl = "mysql://u:{secret}@h"\n'
    wrong += f'[smtp]\npassword = ["{secret}"]'
    assert secret not in "\n".join(problems(tmp_path, wrong))


def test_configuration_is_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        read(tmp_path, "").sip.domain = "other"


def test_broken_toml_is_named_with_its_line(tmp_path: Path) -> None:
    assert problems(tmp_path, "[sip]\nlisten = [")[0].startswith("FILE, line 2: not valid TOML")


def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file"):
        read_config(tmp_path / "nowhere.toml", {})


# --- which file


def test_file_given_wins_then_the_one_here_then_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"VOICEBOX_CONFIG": "/etc/voicebox.toml"}
    assert find_config(Path("given.toml"), environ) == Path("given.toml")
    assert find_config(None, environ) == Path("/etc/voicebox.toml")
    Path("voicebox.toml").touch()
    assert find_config(None, environ) == Path("voicebox.toml")


def test_no_file_at_all_names_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"voicebox init.*--config"):
        find_config(None, {})


# --- peers


def test_most_exact_peer_wins(tmp_path: Path) -> None:
    tables = [("net", "10.0.0.0/8"), ("host", "10.0.0.1"), ("port", "10.0.0.1:5080"), ("six", "2001:db8::/32")]
    text = "".join(f'[[sip.peer]]\nname = "{name}"\naddress = "{address}"\n' for name, address in tables)
    sip = read(tmp_path, text).sip

    def name_at(ip: str, port: int) -> str | None:
        peer = sip.peer_at(ip_address(ip), port)
        return peer.name if peer else None

    assert name_at("10.9.9.9", 5060) == "net"
    assert name_at("10.0.0.1", 5060) == "host"
    assert name_at("10.0.0.1", 5080) == "port"
    assert name_at("2001:db8::5", 5060) == "six"
    assert name_at("192.0.2.1", 5060) is None


def test_light_of_a_peer_goes_to_its_template(tmp_path: Path) -> None:
    text = '[[sip.peer]]\nname = "a"\naddress = "10.0.0.1"\nmwi_uri = "sip:{number}@10.0.0.1"\n'
    assert read(tmp_path, text).sip.peer[0].mwi_target("1001") is None
    peer = read(tmp_path, text + 'mwi = "unsolicited"').sip.peer[0]
    assert peer.mwi is Mwi.UNSOLICITED
    assert peer.mwi_target("1001") == "sip:1001@10.0.0.1"


def test_every_wrong_listen_address_is_named(tmp_path: Path) -> None:
    found = problems(tmp_path, '[sip]\nlisten = [\n"127.0.0.1:5060",\n"udp:127.0.0.1:5060",\n"udp:localhost:5060"]\n')
    assert [each.partition(": ")[2].partition(":")[0] for each in found] == ["sip.listen[0]", "sip.listen[2]"]
    assert [each.partition(":")[0] for each in found] == ["FILE, line 3", "FILE, line 5"]


def test_a_single_table_where_several_may_stand(tmp_path: Path) -> None:
    assert problems(tmp_path, '[sip.peer]\nname = "pbx"\naddress = "10.0.0.1"\n') == [
        "FILE, line 1: sip.peer: is a list of tables, and this is a single one. Write [[sip.peer]], in double brackets."
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('data_dir = "a\\u0000b"\n', "data_dir"),
        ('[audio]\nurl = "a\\nb"\n', "audio.url"),
        ('[smtp]\nca = "\\u0007"\n', "smtp.ca"),
    ],
)
def test_a_path_that_no_system_takes_is_refused(tmp_path: Path, text: str, key: str) -> None:
    (found,) = problems(tmp_path, text)
    assert f": {key}: holds a character that no file name should have. " in found


WAYS_OUT = """\
[[sip.peer]]
name = "pbx"
address = "192.0.2.1"
[[sip.trunk]]
name = "trunk"
registrar = "sip:trunk.example"
username = "u"
password = "secret"
[outbound]
"""


@pytest.mark.parametrize(
    ("said", "extensions"),
    [
        ('peer = "pbx"', True),
        ('peer = "trunk"', False),
        ('peer = "pbx"\nextensions = false', False),
        ('peer = "trunk"\nextensions = true', True),
    ],
)
def test_security_row_3_a_trunk_has_no_extensions_unless_it_is_said(
    tmp_path: Path, said: str, *, extensions: bool
) -> None:
    (tmp_path / "voicebox.toml").write_text(WAYS_OUT + said)
    assert read_config(tmp_path / "voicebox.toml").outbound.extensions is extensions
