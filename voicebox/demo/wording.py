"""What the demo says on the screen, in German and English."""

import locale
import os
from dataclasses import dataclass
from typing import Final

from voicebox.i18n import Language


@dataclass(frozen=True, slots=True)
class Words:
    """Every text of the screen; `{…}` is filled in."""

    # Act 1
    house: str
    company: str
    folder: str
    mail_server: str
    mail_server_is: str
    service: str
    web: str
    # Act 2
    calls: str
    phone: str
    phone_is: str
    dials: str
    diverted: str
    picks_up: str
    tone: str
    tone_is: str
    speaks: str
    hangs_up: str
    quoted: str
    # Act 3
    made: str
    decision: str
    decision_is: str
    trace: str
    heard_in: str
    heard_as: str
    light: str
    light_on: str
    light_on_now: str
    light_off: str
    message: str
    message_is: str
    mail: str
    mail_is: str
    sender: str
    recipient: str
    subject: str
    attached: str
    # Act 4
    fetches: str
    keys: str
    pin: str
    likeness: str
    likeness_is: str
    folders: str
    folders_are: str
    # Act 5
    yours: str
    your_phone: str
    your_phone_is: str
    dial: str
    dial_is: str
    login: str
    api: str
    data: str
    until: str
    all_done: str
    # Failures
    failed: str
    log: str
    interrupted: str
    missing: str


GERMAN: Final = Words(
    house="Eine eigene voicebox, nur auf diesem Rechner",
    company="Firma",
    folder="Ordner",
    mail_server="Mailserver",
    mail_server_is="127.0.0.1:{port}, ein echter SMTP-Empfänger",
    service="SIP",
    web="Web",
    calls="{caller} ruft {anna} an, die nicht abnimmt",
    phone="Telefon",
    phone_is="pyVoIP, ein unabhängiges Telefon in einem eigenen Prozess",
    dials="wählt {number}; die Telefonanlage leitet um: keine Antwort",
    diverted="wählt {number}",
    picks_up="voicebox nimmt ab",
    tone="Aufnahmeton",
    tone_is="1000 Hz, {length} ms, {level} dBFS",
    speaks="{caller} spricht",
    hangs_up="legt auf",
    quoted="„{text}“",
    made="Was voicebox daraus macht",
    decision="Ziel",
    decision_is="Mailbox {mailbox}, Grund {reason}, umgeleitet von {by}",
    trace="Ablauf",
    heard_in="Empfang",
    heard_as="{received} Pakete, {lost} verloren, Jitter {jitter} ms",
    light="Lampe",
    light_on="an, {after} ms nach dem Auflegen: {new} neu, {saved} gespeichert",
    light_on_now="an: {new} neu, {saved} gespeichert",
    light_off="aus: {new} neu, {saved} gespeichert",
    message="Nachricht",
    message_is="von {caller}, {length} s, {state}",
    mail="E-Mail",
    mail_is="angekommen, {after} s nach dem Auflegen",
    sender="Von",
    recipient="An",
    subject="Betreff",
    attached="Anhang",
    fetches="{anna} hört sie ab, von unterwegs",
    keys="Tasten",
    pin="Kennwort",
    likeness="Vergleich",
    likeness_is="Korrelation mit dem Gesprochenen {likeness} (ein anderer Satz: {other})",
    folders="Mailbox",
    folders_are="{new} neu, {saved} gespeichert",
    yours="Jetzt Sie",
    your_phone="Softphone",
    your_phone_is="meldet sich an 127.0.0.1:{port} an, UDP oder TCP, als",
    dial="Wählen",
    dial_is="{portal}, um abzuhören; {numbers}, um eine Nachricht zu hinterlassen",
    login="{number} · Passwort {device_password} · Kennwort {pin} · {name}",
    api="API",
    data="Daten",
    until="Strg-C beendet die Demo und entfernt alles.",
    all_done="Alles hat geklappt.",
    failed="Die Demo ist gescheitert",
    log="Aus dem Protokoll",
    interrupted="abgebrochen",
    missing="{package} fehlt: pip install 'voicebox[demo]', oder make demo",
)

ENGLISH: Final = Words(
    house="A voicebox of your own, on this machine only",
    company="company",
    folder="folder",
    mail_server="mail",
    mail_server_is="127.0.0.1:{port}, a real SMTP receiver",
    service="SIP",
    web="web",
    calls="{caller} calls {anna}, who does not answer",
    phone="phone",
    phone_is="pyVoIP, an independent phone in a process of its own",
    dials="dials {number}; the PBX diverts the call: no answer",
    diverted="dials {number}",
    picks_up="voicebox picks up",
    tone="record tone",
    tone_is="1000 Hz, {length} ms, {level} dBFS",
    speaks="{caller} speaks",
    hangs_up="hangs up",
    quoted="“{text}”",
    made="What voicebox makes of it",
    decision="goes to",
    decision_is="mailbox {mailbox}, reason {reason}, diverted by {by}",
    trace="trace",
    heard_in="received",
    heard_as="{received} packets, {lost} lost, jitter {jitter} ms",
    light="light",
    light_on="on, {after} ms after hanging up: {new} new, {saved} saved",
    light_on_now="on: {new} new, {saved} saved",
    light_off="off: {new} new, {saved} saved",
    message="message",
    message_is="from {caller}, {length} s, {state}",
    mail="mail",
    mail_is="arrived, {after} s after hanging up",
    sender="From",
    recipient="To",
    subject="Subject",
    attached="Attached",
    fetches="{anna} fetches it, away from the office",
    keys="keys",
    pin="passcode",
    likeness="compared",
    likeness_is="correlation with what was spoken {likeness} (another sentence: {other})",
    folders="mailbox",
    folders_are="{new} new, {saved} saved",
    yours="Now you",
    your_phone="softphone",
    your_phone_is="registers at 127.0.0.1:{port}, UDP or TCP, as",
    dial="dial",
    dial_is="{portal} to fetch messages; {numbers} to leave one",
    login="{number} · password {device_password} · passcode {pin} · {name}",
    api="API",
    data="data",
    until="Ctrl-C ends the demo and removes everything.",
    all_done="Everything worked.",
    failed="The demo failed",
    log="From the log",
    interrupted="interrupted",
    missing="{package} is missing: pip install 'voicebox[demo]', or make demo",
)


def words(language: Language) -> Words:
    """Return the texts of a language."""
    return GERMAN if language is Language.DE else ENGLISH


def usual_language() -> Language:
    """Return German where the locale is German, else English."""
    named = next((os.environ[key] for key in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(key)), "")
    named = named or (locale.getlocale()[0] or "")
    return Language.DE if named.lower().startswith(("de", "german")) else Language.EN
