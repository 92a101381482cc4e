"""Rows 15 and 16: one notification for each message, and independently a copy; a confidential one by a link only."""

import contextlib
import http.client
import io
import json
import re
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import soundfile

from tests.system.audio import raw, speech
from tests.system.caller import EARLY_S, SAID_S, Caller, together
from tests.system.conftest import MakeService
from tests.system.letterbox import Letterbox
from tests.system.service import COMPANY, Service, device_password, eventually, moment
from tests.system.subscriber import at_own_phone, forwarded, record_of
from tests.system.test_system_api import ask, get
from voicebox.codec import Codec

pytestmark = pytest.mark.system

SETTINGS = {
    "1001": 'notify_email = "told@example.org"',
    "1002": 'copy_email = "copies@example.org"',
    "1003": 'notify_email = "both@example.org"\ncopy_email = "archive@example.org"',
    "1004": 'copy_email = "secret@example.org"\nemail = "own@example.org"',
}
FETCHED_S = 60
PUBLIC = "https://voicebox.example"


def directory() -> str:
    """Return a directory file of four mailboxes."""
    return COMPANY + "".join(
        f"""
[[mailbox]]
number = "{number}"
name = "Anna {number}"
device_password = "{device_password(number)}"
device_md5_only = true
auto_login = true
{more}
"""
        for number, more in SETTINGS.items()
    )


def linking(service: Service) -> Service:
    """Have the links in a service's mails lead to its public address."""
    config = service.folder / "voicebox.toml"
    config.write_text(config.read_text().replace("[web]\n", f'[web]\npublic_url = "{PUBLIC}"\n'))
    return service


def path_in(mail: EmailMessage, page: str) -> str:
    """Return where the link to a page leads."""
    text = mail.get_body(("plain",))
    assert text is not None
    (path,) = re.findall(rf"{PUBLIC}(/{page}/\S+)", text.get_content())
    return str(path)


def settled(service: Service) -> None:
    """Wait until nothing more is to be sent."""
    eventually(
        lambda: not service.rows("SELECT 1 FROM outbox WHERE done_at IS NULL AND given_up_at IS NULL"),
        "an empty outbox",
    )


def kinds(mail: EmailMessage) -> list[str]:
    """Return the types of a mail's parts."""
    return [part.get_content_type() for part in mail.walk()]


def sound_s(mp3: bytes) -> float:
    """Return how long a recording is."""
    samples, rate_hz = soundfile.read(io.BytesIO(mp3))
    return len(samples) / float(rate_hz)


def fetched(url: str, method: str = "GET") -> bytes:
    """Return what a browser gets."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=FETCHED_S)
    with contextlib.closing(connection):
        connection.request(method, parts.path)
        response = connection.getresponse()
        assert response.status == 200
        return response.read()


TOLD = ["multipart/alternative", "text/plain", "text/html"]
COPIED = ["multipart/mixed", *TOLD, "audio/mpeg"]


def test_rows_15_and_16_each_mail_comes_once_and_on_its_own(
    make_service: MakeService, own_letters: Letterbox, tmp_path: Path
) -> None:
    service = linking(make_service(directory=directory(), more="[retention]\ncalls_days = 7\n")).start()
    file, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    little, _ = raw(speech(EARLY_S), Codec.PCMU, tmp_path / "little.raw")

    def leave(number: str, keys: str = "") -> Caller:
        caller = Caller(service.udp, tmp_path, number=number).invite().speak(file).keys("#").pause(SAID_S)
        return caller.keys("#").pause(0.5).keys(keys, between_s=0.2).hung_up_on() if keys else caller.bye()

    # Security row 15: who hangs up within two seconds leaves no message and no mail.
    early = forwarded(service, tmp_path, "1001", from_number="+4915155571599").speak(little).keys("#").pause(EARLY_S)
    together(leave("1001"), leave("1002"), leave("1003"), leave("1004", "51"), early.bye())
    short = record_of(service, "+4915155571599")
    assert moment(short, "record", state="end", by="hangup") > moment(short, "record", state="begin")
    assert not any(entry["event"] == "message" for entry in short["trace"])
    lengths = {n: row["samples"] / row["rate_hz"] for n in SETTINGS for row in [service.message(n)]}
    assert kinds(own_letters.wait_for("told@example.org")) == TOLD
    assert kinds(own_letters.wait_for("both@example.org")) == TOLD
    for number, address in (("1002", "copies@example.org"), ("1003", "archive@example.org")):
        mail = own_letters.wait_for(address)
        assert kinds(mail) == COPIED
        (attached,) = mail.iter_attachments()
        assert sound_s(attached.get_content()) == pytest.approx(lengths[number], abs=0.15)

    # The confidential one has a link instead, which plays it.
    confidential = own_letters.wait_for("secret@example.org")
    assert kinds(confidential) == TOLD
    path = path_in(confidential, "listen")
    assert b"<audio" in fetched(service.web + path)
    assert sound_s(fetched(f"{service.web}{path}/sound.mp3")) == pytest.approx(lengths["1004"], abs=0.15)

    # Its owner has a copy mailed by phone: to himself, once per press, and it is still a link.
    owner = at_own_phone(service, tmp_path, "1004").keys("11").pause(1.5)
    owner.keys("9").pause(0.5).keys("4").pause(3).bye().run()
    asked_for = own_letters.wait_for("own@example.org")
    assert kinds(asked_for) == TOLD
    assert "Ihre Nachricht" in asked_for["Subject"]
    settled(service)
    addresses = ("told", "copies", "both", "archive", "secret", "own")
    assert [len(own_letters.to(f"{each}@example.org")) for each in addresses] == [1] * 6
    assert service.stop() == 0


def test_row_16_an_address_that_its_owner_names_gets_copies_once_somebody_there_has_confirmed(
    make_service: MakeService, own_letters: Letterbox, tmp_path: Path
) -> None:
    service = linking(make_service(directory=directory())).start()
    file, _ = raw(speech(8), Codec.PCMU, tmp_path / "said.raw")
    named = "named@example.net"

    def leave() -> None:
        Caller(service.udp, tmp_path, number="1001").invite().speak(file).keys("#").pause(SAID_S).bye().run()

    token = service.voicebox("token", "--mailbox", "1001").stdout.strip()
    sent = json.dumps({"copy_email": named}).encode()
    status, body = ask(service, "PATCH", "/api/v1/mailboxes/1001", token, sent=sent)
    assert status == 200, body
    assert json.loads(body)["unconfirmed"] == [named]
    asking = own_letters.wait_for(named)
    assert kinds(asking) == TOLD
    leave()
    own_letters.wait_for("told@example.org")
    settled(service)
    assert len(own_letters.to(named)) == 1, "the question only"
    link = service.web + path_in(asking, "confirm")
    assert b"<form" in fetched(link)
    assert b"<form" not in fetched(link, "POST")
    assert json.loads(get(service, "/api/v1/mailboxes/1001", token)[1])["unconfirmed"] == []
    leave()
    assert kinds(own_letters.wait_for(named, count=2)) == COPIED
    settled(service)
    assert (len(own_letters.to(named)), len(own_letters.to("told@example.org"))) == (2, 2)
    assert service.stop() == 0
