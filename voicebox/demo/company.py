"""The example company, and the two files of a voicebox that serves it."""

import secrets
from dataclasses import dataclass
from typing import Final

from voicebox.demo.handset import Caller
from voicebox.i18n import Language


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody with a mailbox."""

    number: str
    name: str
    phone: str
    """E.164."""
    pin: str
    web_password: str
    device_password: str
    """With which a phone registers as this number."""
    email: str


@dataclass(frozen=True, slots=True)
class Company:
    """The company, and the customer who calls."""

    name: str
    language: Language
    time_zone: str
    country_code: str
    area_code: str
    members: tuple[Member, ...]
    customer: Caller
    """Calls the first member, who does not answer."""
    mobile: str
    """A number of nobody in the company: from there the first member fetches messages."""

    @property
    def anna(self) -> Member:
        """Whose messages the demo is about."""
        return self.members[0]


PORTAL: Final = "8000"
DOMAIN: Final = "voicebox.demo"

# Numbers that are never given out: the Bundesnetzagentur's and Ofcom's for plays and films.
_GERMAN: Final = ("+4930231251", "+493023125842", "+491713920042")
_BRITISH: Final = ("+4420794601", "+442079460842", "+447700900042")


def example(language: Language) -> Company:
    """Return the example company; PINs are fixed so that they can be read in the documentation, passwords are not."""
    german = language is Language.DE
    names = ("Anna Beispiel", "Bernd Beispiel") if german else ("Anna Example", "Bernard Example")
    phones, customer, mobile = _GERMAN if german else _BRITISH
    members = tuple(
        Member(
            number=f"100{index}",
            name=name,
            phone=f"{phones}0{index}",
            pin=pin,
            web_password=_password(),
            device_password=_password(),
            email=f"{name.split()[0].lower()}@example.org",
        )
        for index, (name, pin) in enumerate(zip(names, ("274913", "385024"), strict=True), start=1)
    )
    return Company(
        name="Beispiel GmbH" if german else "Example Ltd",
        language=language,
        time_zone="Europe/Berlin" if german else "Europe/London",
        country_code="49" if german else "44",
        area_code="30" if german else "20",
        members=members,
        customer=Caller(customer, "Clara Kunde" if german else "Clara Customer", members[0].number),
        mobile=mobile,
    )


def _password() -> str:
    """Return a password that can be typed: 48 bits, for as long as the demo runs."""
    return "-".join(secrets.token_hex(2) for _ in range(3))


def directory_file(company: Company) -> str:
    """Return directory.toml."""
    head = f"""\
[company]
name = "{company.name}"
language = "{company.language}"
time_zone = "{company.time_zone}"
country_code = "{company.country_code}"
area_code = "{company.area_code}"
"""
    return head + "".join(
        f"""
[[mailbox]]
number = "{member.number}"
phone = "{member.phone}"
name = "{member.name}"
pin = "{member.pin}"
pin_is_final = true
web_password = "{member.web_password}"
device_password = "{member.device_password}"
email = "{member.email}"
copy_email = "{member.email}"
"""
        for member in company.members
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything listens, all on loopback."""

    sip: int
    """0 is any free port."""
    web: int
    smtp: int
    lamps: int
    rtp: tuple[int, int]


def configuration_file(places: Places) -> str:
    """Return voicebox.toml."""
    return f"""\
data_dir = "var"
[sip]
listen = ["udp:127.0.0.1:{places.sip}", "tcp:127.0.0.1:{places.sip}"]
domain = "{DOMAIN}"
portal = ["{PORTAL}"]
[[sip.peer]]
name = "pbx"
address = "127.0.0.1"
identity = "from"
mwi = "unsolicited"
mwi_uri = "sip:{{number}}@127.0.0.1:{places.lamps}"
[rtp]
address = "127.0.0.1"
ports = [{places.rtp[0]}, {places.rtp[1]}]
[web]
listen = "127.0.0.1:{places.web}"
public_url = "http://127.0.0.1:{places.web}"
[smtp]
host = "127.0.0.1"
port = {places.smtp}
sender = "voicebox@example.org"
"""
