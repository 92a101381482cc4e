"""The first two files of an installation, as `voicebox init` writes them: voicebox.toml and directory.toml."""

import json
import secrets
from dataclasses import dataclass
from typing import Final

from voicebox import passcode

PASSWORD_BYTES: Final = 12
"""96 bits: nobody types it, a phone and a browser remember it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was asked, or given as flags."""

    company: str
    language: str
    time_zone: str
    country_code: str
    area_code: str
    address: str
    """The address of this machine that phones and the PBX reach."""
    sip_port: int
    domain: str
    portal: str
    pbx: str
    """The PBX's address; empty: none."""
    web: str
    smtp: str
    smtp_port: int
    sender: str
    data_dir: str


def _quoted(text: str) -> str:
    # JSON's strings are TOML's basic strings.
    return json.dumps(text, ensure_ascii=False)


def configuration_file(answers: Answers) -> str:
    """Return voicebox.toml: what was answered, and the keys that many installations need, commented out."""
    host = f"[{answers.address}]" if ":" in answers.address else answers.address
    listen = ", ".join(_quoted(f"{transport}:{host}:{answers.sip_port}") for transport in ("udp", "tcp"))
    return f"""\
# The configuration of voicebox. Every key is explained in docs/configuration.md; a line that begins with # is an
# example or a default. Each key may also come from the environment: VOICEBOX_SIP__DOMAIN=...
# Is it right? `voicebox config check`. Is this machine ready? `voicebox doctor`.

# Database, recordings and keys; relative to this file.
data_dir = {_quoted(answers.data_dir)}

[sip]
# Where phones and the PBX reach us: transport:address:port, over udp or tcp.
listen = [{listen}]
# The realm of the phones' passwords: when it changes, every phone needs its password again.
domain = {_quoted(answers.domain)}
# What subscribers dial to fetch their messages.
portal = [{_quoted(answers.portal)}]
# The address that goes into Contact and Via, behind NAT or with 0.0.0.0 above:
# external = "203.0.113.7"

{_peer(answers.pbx)}
# A provider at which we register:
# [[sip.trunk]]
# name = "trunk"
# registrar = "sip:trunk.example"
# username = "..."
# password = "..."                     # or VOICEBOX_SIP__TRUNK__0__PASSWORD

[rtp]
address = {_quoted(answers.address)}
# Two ports a call; the firewall must let them in.
ports = [16384, 32767]
# The address that phones are told, behind NAT:
# external = "203.0.113.7"

[web]
listen = {_quoted(answers.web)}
# How people reach it, for the links in mails:
# public_url = "https://voicebox.example.org"

[smtp]
# Takes our mails. security: none, starttls or tls; without it none on this machine and starttls elsewhere.
host = {_quoted(answers.smtp)}
port = {answers.smtp_port}
# security = "starttls"
# username = "..."
# password = "..."                     # or VOICEBOX_SMTP__PASSWORD
sender = {_quoted(answers.sender)}

# Without these, both lie in data_dir:
# [database]
# url = "postgresql+asyncpg://voicebox@localhost/voicebox"
# [audio]
# url = "file:///srv/voicebox/audio"

# Calls out of the house, for callers who press 0, call back and forwarding; without it, only colleagues are reached:
# [outbound]
# peer = "pbx"
# allow = ["+49"]

[log]
# debug, info, warning or error
level = "info"
"""


def _peer(pbx: str) -> str:
    if pbx:
        return f"""\
# The PBX may send calls without registering. More keys: docs/configuration.md.
[[sip.peer]]
name = "pbx"
address = {_quoted(pbx)}
"""
    return """\
# A PBX that may send calls without registering:
# [[sip.peer]]
# name = "pbx"
# address = "192.0.2.10"               # an address, a network, or address:port
"""


def directory_file(answers: Answers) -> str:
    """Return directory.toml: the company, and two mailboxes with secrets that no other installation has."""
    first, second = (_mailbox(number, name) for number, name in (("1001", "Anna Example"), ("1002", "Ben Example")))
    return f"""\
# Who has a mailbox. Change this file, then run `voicebox apply directory.toml`; --dry-run says what would change.
# Every key is explained in docs/admins/directory.md. It holds secrets: let nobody else read it, or take them out
# once they are applied (what is left out stays as it is).

[company]
name = {_quoted(answers.company)}
language = {_quoted(answers.language)}
time_zone = {_quoted(answers.time_zone)}
country_code = {_quoted(answers.country_code)}
area_code = {_quoted(answers.area_code)}

{first}
# phone = "..."                        # the full number, by which callers and the PBX name it
# aliases = ["..."]                    # further numbers
# email = "anna@example.org"
# notify_email = "anna@example.org"    # a mail for each message
# copy_email = "anna@example.org"      # a mail with the message as MP3
# zero_out = "1002"                    # where callers go who press 0

{second}"""


def _mailbox(number: str, name: str) -> str:
    pin = passcode.generate(own_numbers=[number])
    password, device = (secrets.token_urlsafe(PASSWORD_BYTES) for _ in range(2))
    return f"""\
[[mailbox]]
number = {_quoted(number)}
name = {_quoted(name)}
pin = {_quoted(pin)}                       # one-time: to be changed at the first login
web_password = {_quoted(password)}    # for the web manager of a later release
device_password = {_quoted(device)}    # a phone may register as {number}
"""
