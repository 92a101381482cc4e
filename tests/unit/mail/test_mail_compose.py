"""Every composed mail is parsed back: parts, charset, attachment, headers, in both languages."""

import email
import email.policy
import io
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from mail.compose import compose
from mail.errors import PermanentFailure
from mail.letter import Letter, Purpose
from mail.wording import plain
from tests.fakes.smtp_letters import COMPANY, LETTER, MAILBOX, SENDER, a_letter
from voicebox.i18n import Language
from voicebox.message import Caller, Reason

SNAPSHOTS = Path(__file__).parents[2] / "data" / "mail"
ANYTHING = st.text() | st.text(alphabet='\r\n\t ,;:<>@"()[]\\=?_äß李.-BccToa', max_size=120)


def an_mp3(seconds: float = 3.0) -> bytes:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(int(8000 * seconds)) / 8000)).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, tone, 8000, format="MP3", subtype="MPEG_LAYER_III")
    return file.getvalue()


def parsed(letter: Letter) -> EmailMessage:
    """Compose and parse."""
    return parse(compose(letter, SENDER), long_address=len(letter.to) > 60)


def parse(composed: EmailMessage, *, long_address: bool = False) -> EmailMessage:
    """Serialise, check what holds for the bytes of every mail, and parse."""
    raw = composed.as_bytes()
    raw.decode("ascii")
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    head = raw[: raw.index(b"\r\n\r\n")].split(b"\r\n")
    assert max(map(len, head)) <= 78 or long_address
    assert all(line.strip() for line in head)
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    for part in mail.walk():
        assert part.defects == []
    return mail


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    assert part.get_content_charset() == "utf-8"
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


def attachments(mail: EmailMessage) -> list[EmailMessage]:
    return [part for part in mail.iter_attachments() if isinstance(part, EmailMessage)]


# --- what is in it


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (Language.DE, "Die Nachricht wurde weitergeleitet von Bert <b> (1002)."),
        (Language.EN, "The message was forwarded by Bert <b> (1002)."),
    ],
)
def test_a_forwarded_message_names_its_caller_and_who_forwarded_it(language: Language, words: str) -> None:
    forwarder = replace(a_letter().mailbox, id=2, number="1002", name="Bert\r\n<b>")
    mail = parsed(replace(a_letter(language=language), forwarder=forwarder))
    assert words in body(mail, "plain")
    assert "Max Muster" in body(mail, "plain")
    assert "Bert &lt;b&gt; (1002)" in body(mail, "html")
    assert "weitergeleitet" not in body(parsed(a_letter(language=language)), "plain")


def test_notification_is_text_and_html_without_audio() -> None:
    mail = parsed(a_letter(mp3=an_mp3()))
    assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert "Die Nachricht liegt in Ihrer Mailbox." in body(mail, "plain")
    assert "wählen Sie die 8000" in body(mail, "plain")


def test_copy_has_the_recording_as_mp3() -> None:
    mp3 = an_mp3()
    mail = parsed(a_letter(Purpose.COPY, mp3=mp3))
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "audio/mpeg",
    ]
    (attachment,) = attachments(mail)
    assert attachment.get_filename() == "2026-11-22_1030_+492115551111.mp3"
    assert attachment.get_content_disposition() == "attachment"
    assert attachment.get_content() == mp3
    samples, rate = soundfile.read(io.BytesIO(attachment.get_content()))
    assert rate == 8000
    assert len(samples) == pytest.approx(24000, abs=1200)
    assert "Sie liegt auch in Ihrer Mailbox." in body(mail, "plain")


def test_copy_that_was_asked_for_has_the_recording_and_is_not_called_new() -> None:
    mail = parsed(a_letter(Purpose.REQUEST, mp3=an_mp3()))
    assert len(attachments(mail)) == 1
    assert mail["Subject"] == "Ihre Nachricht von Max Muster (0:42)"
    assert "Neue Nachricht" not in body(mail, "plain") + body(mail, "html")


def test_redirected_message_is_only_in_the_mail() -> None:
    mail = parsed(a_letter(Purpose.REDIRECT, mp3=an_mp3()))
    assert len(attachments(mail)) == 1
    assert "in der Mailbox liegt sie nicht" in body(mail, "plain")
    assert "8000" not in body(mail, "plain").split("\n-- ")[0]


@pytest.mark.parametrize("purpose", list(Purpose))
def test_confidential_message_is_never_attached(purpose: Purpose) -> None:
    mail = parsed(a_letter(purpose, mp3=an_mp3(), confidential=True))
    assert attachments(mail) == []
    assert "audio/mpeg" not in mail.as_string()
    assert "vertraulich" in body(mail, "plain")
    assert "wählen Sie die 8000" in body(mail, "plain")
    assert mail["Sensitivity"] == "private"


def test_lost_recording_is_said_and_the_message_is_in_the_mailbox() -> None:
    for purpose in (Purpose.COPY, Purpose.REDIRECT):
        mail = parsed(replace(a_letter(purpose), audio_lost=True))
        assert attachments(mail) == []
        assert "ließ sich nicht lesen" in body(mail, "plain")
        assert "ließ sich nicht lesen" in body(mail, "html")


def test_interrupted_recording_is_said() -> None:
    mail = parsed(a_letter(interrupted=True))
    assert "unterbrochen" in body(mail, "plain")
    assert "unterbrochen" in body(mail, "html")
    assert "unterbrochen" not in body(parsed(a_letter()), "plain")


def test_urgent_message_is_marked() -> None:
    mail = parsed(a_letter(urgent=True))
    assert mail["Importance"] == "high"
    assert "dringend" in body(mail, "plain")
    assert "Dringend" in body(mail, "html")
    assert parsed(a_letter())["Importance"] is None


def test_withheld_caller_is_named_nowhere() -> None:
    for purpose in Purpose:
        letter = a_letter(purpose, mp3=an_mp3(), caller=Caller("+492115551111", "Max Muster", withheld=True))
        mail = parsed(letter)
        text = mail.as_string() + body(mail, "plain") + body(mail, "html")
        assert "5551111" not in text
        assert "Muster" not in text
        assert "unterdrückte" in body(mail, "plain")


def test_listen_link_is_there_once_there_is_one() -> None:
    url = "https://voicebox.example/m/abc?sig=1&x=2"
    mail = parsed(replace(a_letter(), listen_url=url))
    assert url in body(mail, "plain")
    assert 'href="https://voicebox.example/m/abc?sig=1&amp;x=2"' in body(mail, "html")


# --- headers


def test_headers_of_an_automatic_mail() -> None:
    mail = parsed(a_letter())
    assert mail["From"] == "Beispiel GmbH Voicebox <voicebox@example.org>"
    assert mail["To"] == "Anna Beispiel <anna@example.org>"
    assert mail["Subject"] == "Neue Nachricht von Max Muster (0:42)"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "OOF" in mail["X-Auto-Response-Suppress"]
    assert mail["Content-Language"] == "de"
    assert mail["List-Unsubscribe"] is None
    assert mail["Date"] == "Sun, 22 Nov 2026 10:31:07 +0100"
    assert parsedate_to_datetime(mail["Date"]) == datetime(2026, 11, 22, 9, 31, 7, tzinfo=UTC)


def test_same_letter_makes_the_same_bytes() -> None:
    letter = a_letter(Purpose.COPY, mp3=an_mp3())
    assert compose(letter, SENDER).as_bytes() == compose(letter, SENDER).as_bytes()


def test_message_id_follows_the_key_and_nothing_else() -> None:
    one = parsed(a_letter())["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{40}@example\.org>", one)
    assert parsed(a_letter(urgent=True))["Message-ID"] == one
    assert parsed(a_letter(Purpose.COPY))["Message-ID"] != one


def test_english_reader_gets_english() -> None:
    mail = parsed(a_letter(Purpose.COPY, Language.EN, mp3=an_mp3()))
    assert mail["Subject"] == "New message from Max Muster (0:42)"
    assert "The message is attached as MP3." in body(mail, "plain")
    assert mail["Content-Language"] == "en"


def test_envelope_is_in_the_readers_zone() -> None:
    mail = parsed(a_letter(mailbox=replace(MAILBOX, time_zone="America/New_York"), language=Language.EN))
    assert "Sunday, 22 November 2026, 04:30" in body(mail, "plain")
    assert mail["Date"].endswith("-0500")


@pytest.mark.parametrize(
    ("to", "sent_to"),
    [("a.b+c@example.org", "a.b+c@example.org"), ("anna@müller.example", "anna@xn--mller-kva.example")],
)
def test_address_is_ascii_on_the_wire(to: str, sent_to: str) -> None:
    assert parsed(replace(LETTER, to=to))["To"].addresses[0].addr_spec == sent_to


@pytest.mark.parametrize(
    "to",
    [
        "",
        "anna",
        "@example.org",
        "anna@",
        "a@b\r\nBcc: c@d",
        "a b@c.de",
        "ä@example.org",
        "a,b@c.de",
        "<a@b>",
        "a@" + "b" * 300,
    ],
)
def test_impossible_address_is_refused_for_good(to: str) -> None:
    with pytest.raises(PermanentFailure, match="not an address"):
        compose(replace(LETTER, to=to), SENDER)


HEADERS = {
    *("from", "to", "subject", "date", "message-id", "auto-submitted", "x-auto-response-suppress"),
    *("content-language", "mime-version", "content-type"),
}


@given(caller=ANYTHING, owner=ANYTHING, company=ANYTHING)
@example(caller="Max\r\nBcc: evil@example.org\r\n\r\nbody", owner="a\nTo: b@c", company="c\rSubject: d")
@example(caller="x" * 400, owner="Beispiel, Anna, " * 5, company="Müller, Söhne & Töchter; <x@y> " * 3)
@example(caller="=?utf-8?q?=0D=0ABcc:_x?=", owner="=?utf-8?q?a?=", company='a"b\\c')
def test_no_name_injects_a_header_or_a_recipient(caller: str, owner: str, company: str) -> None:
    letter = replace(
        a_letter(caller=Caller("+492115551111", caller), mailbox=replace(MAILBOX, name=owner)),
        company=replace(COMPANY, name=company),
    )
    mail = parsed(letter)
    assert {name.lower() for name in mail.keys()} == HEADERS  # noqa: SIM118 - a message is no mapping
    assert len(mail.keys()) == len(HEADERS)
    for header, name, address in (
        ("To", plain(owner), "anna@example.org"),
        ("From", plain(f"{company} Voicebox"), "voicebox@example.org"),
    ):
        # The older decoder is the oracle: the new one joins adjacent encoded words of a phrase by a space.
        raw = email.message_from_bytes(compose(letter, SENDER).as_bytes())[header]
        ((shown, spec),) = getaddresses([raw])
        assert spec == address
        assert str(make_header(decode_header(shown))) == name
    named = plain(caller) or "+49 211 5551111"
    assert mail["Subject"] == f"Neue Nachricht von {named} (0:42)"
    assert named in body(mail, "plain")


class Tags(HTMLParser):
    """Collects every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags(letter: Letter) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(body(parsed(letter), "html"))
    return parser.tags


@given(ANYTHING)
@example("<script>alert(1)</script><img src=x onerror=y>")
@example('"><a href="javascript:x">')
def test_no_name_becomes_html(name: str) -> None:
    ordinary = [tag for tag, _ in tags(a_letter())]
    letter = a_letter(caller=Caller("+492115551111", name or "x"), mailbox=replace(MAILBOX, name=name))
    with_number = plain(name or "x") != ""
    assert [tag for tag, _ in tags(letter)] == ordinary or not with_number


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("purpose", list(Purpose))
def test_html_loads_nothing_and_runs_nothing(language: Language, purpose: Purpose) -> None:
    html = body(parsed(a_letter(purpose, language, mp3=b"x", urgent=True, interrupted=True)), "html")
    assert not re.search(r"https?://|url\(|<img|<script|<link|@import|src=", html)
    found = tags(a_letter(purpose, language, mp3=b"x"))
    assert ("html", {"lang": language.value}) in found
    assert ("meta", {"name": "color-scheme", "content": "light dark"}) in found
    assert {attrs["href"] for tag, attrs in found if tag == "a"} <= {"tel:+492115551111", "tel:8000"}


# --- snapshots

CASES = {
    "notify": a_letter(),
    "copy": a_letter(Purpose.COPY, mp3=b"x", urgent=True, interrupted=True, reason=Reason.NO_ANSWER),
    "redirect": a_letter(Purpose.REDIRECT, mp3=b"x", caller=Caller("+492115551111"), reason=Reason.UNAVAILABLE),
    "confidential": a_letter(Purpose.COPY, mp3=b"x", confidential=True, caller=Caller(None, withheld=True)),
    "request": a_letter(Purpose.REQUEST, mp3=b"x"),
    "audio-lost": replace(a_letter(Purpose.REDIRECT, caller=Caller("1002", "Bert Beispiel")), audio_lost=True),
}


@pytest.mark.parametrize("kind", ["plain", "html"])
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("case", CASES)
def test_mail_reads_as_it_did(case: str, language: Language, kind: str) -> None:
    """Look at a change, then accept it with UPDATE_SNAPSHOTS=1."""
    letter = replace(CASES[case], mailbox=replace(MAILBOX, language=language))
    text = body(parsed(letter), kind)
    file = SNAPSHOTS / f"{case}.{language}.{'txt' if kind == 'plain' else 'html'}"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
