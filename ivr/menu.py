"""The whole key map of the phone menus (phone-menus.md), in one table.

Flows ask it what a key does and what to say; the page `docs/users/phone-keys.md` is made from it (`ivr.menu_page`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from ivr.keymap import Act, Menu, Option
from prompts import phrases
from voicebox.i18n import Language


def _text(de: str, en: str) -> Mapping[Language, str]:
    return {Language.DE: de, Language.EN: en}


def _option(key: str, act: Act, de: str, en: str, *, spoken: bool = True) -> Option:
    return Option(key, act, _text(de, en), spoken)


def _menu(name: str, de: str, en: str, *options: Option, spoken_as: phrases.Menu | None = None) -> Menu:
    tables = ((spoken_as, "".join(option.key for option in options)),) if spoken_as else ()
    return Menu(name, _text(de, en), options, tables)


_REPEAT: Final = _option("#", Act.REPEAT, "Auswahl wiederholen", "repeat the options")
_BACK: Final = _option("*", Act.BACK, "zurück", "back")

GREETING: Final = _menu(
    "greeting",
    "Anrufer: während der Begrüßung",
    "Caller: during the greeting",
    _option("#", Act.SKIP, "gleich zum Ton", "straight to the tone"),
    _option("0", Act.TRANSFER, "weiterverbinden, wenn eingerichtet", "be connected to someone else, where set up"),
    _option("*", Act.LOGIN, "Anmeldung, wenn die Firma es erlaubt", "log in, where the company allows it"),
)
FULL: Final = _menu(
    "full",
    "Anrufer: die Mailbox ist voll",
    "Caller: the mailbox is full",
    _option("0", Act.TRANSFER, "weiterverbinden, wenn eingerichtet", "be connected to someone else, where set up"),
)
RECORDING: Final = _menu(
    "recording",
    "Anrufer: während der Aufnahme",
    "Caller: while recording",
    _option("#", Act.STOP, "Aufnahme beenden, weiter zur Auswahl", "stop, and hear the options"),
    _option(
        "*", Act.STOP, "Aufnahme beenden, weiter zur Auswahl (löscht nie)", "stop, and hear the options (never deletes)"
    ),
    _option(
        *("0", Act.TRANSFER),
        "senden und weiterverbinden, wenn eingerichtet",
        "send, and be connected to someone else, where set up",
    ),
)
REVIEW: Final = _menu(
    "review",
    "Anrufer: nach der Aufnahme",
    "Caller: after the recording",
    _option("1", Act.SEND, "senden", "send"),
    _option("2", Act.LISTEN, "anhören", "listen"),
    _option("3", Act.AGAIN, "neu aufnehmen", "record again"),
    _option("4", Act.URGENT, "dringend (noch einmal: aufheben)", "urgent (again: not urgent)"),
    _option("5", Act.CONFIDENTIAL, "vertraulich (noch einmal: aufheben)", "confidential (again: not confidential)"),
    _option(
        *("0", Act.TRANSFER),
        "senden und weiterverbinden, wenn eingerichtet",
        "send, and be connected to someone else, where set up",
    ),
    _option("*", Act.DISCARD, "verwerfen, mit Rückfrage", "discard, to be confirmed"),
    _REPEAT,
    spoken_as=phrases.Menu.REVIEW,
)
DISCARD: Final = _menu(
    "discard",
    "Anrufer: wirklich verwerfen?",
    "Caller: really discard?",
    _option("1", Act.CONFIRM, "verwerfen", "discard"),
    _option("*", Act.BACK, "behalten", "keep"),
    spoken_as=phrases.Menu.DISCARD,
)
LOGIN_NUMBER: Final = _menu(
    "login-number",
    "Anmeldung: Rufnummer",
    "Login: number",
    _option("#", Act.ENTER, "nach der Durchwahl, Rufnummer oder Aliasnummer", "after the extension, number or alias"),
    _option("*", Act.BACK, "Eingabe verwerfen; ohne Eingabe: auflegen", "start over; with nothing typed: hang up"),
)
LOGIN_PIN: Final = _menu(
    "login-pin",
    "Anmeldung: Kennwort",
    "Login: passcode",
    _option("#", Act.ENTER, "nach dem Kennwort", "after the passcode"),
    _option("*", Act.OTHER_NUMBER, "nicht mein Telefon: Rufnummer eingeben", "not my phone: enter a number"),
)
MAIN: Final = _menu(
    "main",
    "Hauptmenü",
    "Main menu",
    _option("1", Act.MAILBOX, "Mailbox", "voice mailbox"),
    _option("3", Act.NAME, "Name aufnehmen", "recorded name"),
    _option("4", Act.FORWARDING, "Anrufumleitung", "call forwarding"),
    _option("5", Act.TEAM, "Team-Mailbox, für Mitglieder eines Teams", "team mailbox, for members of a team"),
    _option("6", Act.DIAL, "Anruf machen, wenn freigegeben", "make a call, where allowed"),
    _option("8", Act.PASSCODE, "Kennwort ändern", "change the passcode"),
    _option("9", Act.EXIT, "auflegen", "hang up"),
    _option("*", Act.EXIT, "auflegen", "hang up", spoken=False),
    _REPEAT,
    spoken_as=phrases.Menu.MAIN,
)
MAILBOX: Final = _menu(
    "mailbox",
    "Mailbox",
    "Voice mailbox",
    _option("1", Act.LISTEN, "Nachrichten anhören", "listen to messages"),
    _option("2", Act.BUSY_GREETING, "Begrüßung bei besetzt", "busy greeting"),
    _option("3", Act.NO_ANSWER_GREETING, "Begrüßung bei keine Antwort", "no-answer greeting"),
    _option("4", Act.AWAY, "längere Abwesenheit", "extended away"),
    _option("5", Act.COMPOSE, "Nachricht verfassen", "compose a message"),
    _option("6", Act.DEPOSIT, "Aufnahme von Nachrichten ein/aus", "message deposit on/off"),
    _option("7", Act.DELETE_ALL, "alle löschen, mit Rückfrage", "delete all, to be confirmed"),
    _option("8", Act.PASSCODE, "Kennwort ändern", "change the passcode"),
    _option("9", Act.DELETED, "gelöschte Nachrichten", "deleted messages"),
    _option("0", Act.SENT, "gesendete Nachrichten, wenn es welche gibt", "sent messages, where there are any"),
    _option("*", Act.BACK, "zum Hauptmenü", "to the main menu"),
    _REPEAT,
    spoken_as=phrases.Menu.MAILBOX,
)
CONFIRM: Final = _menu(
    "confirm",
    "Rückfrage",
    "Confirmation",
    _option("1", Act.CONFIRM, "ja", "yes"),
    _option("*", Act.BACK, "nein", "no"),
    spoken_as=phrases.Menu.CONFIRM,
)
MESSAGE: Final = _menu(
    "message",
    "Eine Nachricht: immer",
    "A message: always",
    _option("#", Act.SAVE, "speichern, nächste", "save, next"),
    _option("7", Act.DELETE, "löschen (noch einmal: wiederherstellen)", "delete (again: restore)"),
    _option("5", Act.ENVELOPE, "Datum, Uhrzeit, Anrufer, Länge", "date, time, caller, length"),
    _option("9", Act.MORE, "weitere Möglichkeiten", "more"),
    _option("*", Act.BACK, "zum Menü der Mailbox", "to the mailbox menu"),
    spoken_as=phrases.Menu.MESSAGE,
)
PLAYING: Final = _menu(
    "playing",
    "Eine Nachricht: während sie spielt",
    "A message: while it plays",
    _option("1", Act.REWIND, "3 Sekunden zurück", "back 3 seconds"),
    _option("2", Act.PAUSE, "Pause, weiter", "pause, resume"),
    _option("3", Act.WIND, "3 Sekunden vor", "forward 3 seconds"),
    _option("4", Act.START, "zum Anfang", "to the start"),
    _option("6", Act.END, "zum Ende", "to the end"),
    _option("0", Act.SPEED, "Geschwindigkeit 1 · 1,25 · 1,5 · 2 · 0,75", "speed 1, 1.25, 1.5, 2, 0.75"),
    spoken_as=phrases.Menu.PLAYING,
)
AFTER: Final = _menu(
    "after",
    "Eine Nachricht: danach",
    "A message: after it",
    _option("2", Act.PLAY, "noch einmal", "play again"),
    _option("4", Act.PREVIOUS, "vorherige", "previous"),
    _option("6", Act.NEXT, "nächste", "next"),
    _option("8", Act.CALL_BACK, "zurückrufen, wenn freigegeben", "call back, where allowed"),
    spoken_as=phrases.Menu.AFTER,
)
DELETED: Final = _menu(
    "deleted",
    "Eine gelöschte Nachricht",
    "A deleted message",
    _option("2", Act.PLAY, "anhören", "play"),
    _option("7", Act.DELETE, "wiederherstellen", "restore"),
    _option("5", Act.ENVELOPE, "Datum, Uhrzeit, Anrufer, Länge", "date, time, caller, length"),
    _option("4", Act.PREVIOUS, "vorherige", "previous"),
    _option("6", Act.NEXT, "nächste", "next"),
    _option("#", Act.NEXT, "nächste", "next", spoken=False),
    _option("*", Act.BACK, "zum Menü der Mailbox", "to the mailbox menu"),
    spoken_as=phrases.Menu.DELETED,
)
SENT: Final = _menu(
    "sent",
    "Eine gesendete Nachricht",
    "A sent message",
    _option(
        "7", Act.RECALL, "zurückholen, solange nicht gehört; mit Rückfrage", "take back while unheard; to be confirmed"
    ),
    _option("6", Act.NEXT, "nächste", "next"),
    _option("4", Act.PREVIOUS, "vorherige", "previous"),
    _option("5", Act.ENVELOPE, "Datum, Uhrzeit, Empfänger", "date, time, recipients"),
    _option("#", Act.NEXT, "nächste", "next", spoken=False),
    _option("*", Act.BACK, "zum Menü der Mailbox", "to the mailbox menu"),
    spoken_as=phrases.Menu.SENT,
)
MORE: Final = _menu(
    "more",
    "Eine Nachricht: weitere Möglichkeiten",
    "A message: more",
    _option("1", Act.REPLY, "antworten", "reply"),
    _option("2", Act.FORWARD, "weiterleiten", "forward"),
    _option("3", Act.KEEP_NEW, "als neu behalten", "keep as new"),
    _option("4", Act.MAIL, "Kopie als E-Mail an mich", "mail me a copy"),
    _option("5", Act.HANDLED, "als erledigt kennzeichnen", "mark handled"),
    _option("6", Act.CLAIM, "übernehmen, in einer Team-Mailbox", "take care of it, in a team mailbox"),
    _BACK,
    _REPEAT,
    spoken_as=phrases.Menu.MORE,
)
PASSCODE: Final = _menu(
    "passcode",
    "Neues Kennwort (zweimal)",
    "New passcode (twice)",
    _option("#", Act.ENTER, "nach dem Kennwort", "after the passcode"),
    _option("*", Act.BACK, "abbrechen", "cancel"),
    spoken_as=phrases.Menu.PASSCODE,
)
BUSY_GREETING: Final = _menu(
    "busy-greeting",
    "Begrüßung bei besetzt",
    "Busy greeting",
    _option("1", Act.RECORD, "aufnehmen (# beendet)", "record (# ends)"),
    _option("2", Act.LISTEN, "anhören", "listen"),
    _option("3", Act.USE_DEFAULT, "Standardbegrüßung", "default greeting"),
    _BACK,
    _REPEAT,
    spoken_as=phrases.Menu.GREETING,
)
NO_ANSWER_GREETING: Final = _menu(
    "no-answer-greeting",
    "Begrüßung bei keine Antwort",
    "No-answer greeting",
    *BUSY_GREETING.options[:3],
    _option(
        "4", Act.ALTERNATIVE_1, "Alternative 1; dann gelten 1 und 2 für sie", "alternative 1; then 1 and 2 are for it"
    ),
    _option("5", Act.ALTERNATIVE_2, "Alternative 2, ebenso", "alternative 2, likewise"),
    _option("6", Act.ALTERNATIVE_3, "Alternative 3, ebenso", "alternative 3, likewise"),
    _BACK,
    _REPEAT,
    spoken_as=phrases.Menu.GREETING,
)
AWAY: Final = _menu(
    "away",
    "Längere Abwesenheit",
    "Extended away",
    _option("1", Act.ON, "ein", "on"),
    _option("2", Act.OFF, "aus", "off"),
    _option("3", Act.RECORD, "Begrüßung aufnehmen", "record the greeting"),
    _option("4", Act.LISTEN, "Begrüßung anhören", "listen to the greeting"),
    _option(
        *("5", Act.DEPOSIT),
        "Nachrichten während der Abwesenheit: aufnehmen oder nicht",
        "messages while away: take them or not",
    ),
    _BACK,
    _REPEAT,
    spoken_as=phrases.Menu.AWAY,
)
NAME: Final = _menu(
    "name",
    "Name",
    "Recorded name",
    _option("1", Act.RECORD, "aufnehmen", "record"),
    _option("2", Act.LISTEN, "anhören", "listen"),
    _option("3", Act.REMOVE, "löschen", "delete"),
    _BACK,
    _REPEAT,
    spoken_as=phrases.Menu.NAME,
)
FORWARDING: Final = _menu(
    "forwarding",
    "Anrufumleitung",
    "Call forwarding",
    _option("1", Act.ON, "ein", "on"),
    _option("2", Act.OFF, "aus", "off"),
    _option("3", Act.DESTINATION, "Ziel", "destination"),
    _option("4", Act.STATUS, "Stand", "status"),
    _BACK,
    _REPEAT,
    spoken_as=phrases.Menu.FORWARDING,
)
_SENDING: Final = (
    _option("3", Act.TO_PERSON, "an eine Person (Rufnummer, #; dann # oder *)", "to a person (number, #; then # or *)"),
    _option("4", Act.TO_EVERYONE, "an alle, mit Berechtigung (dann # oder *)", "to everyone, a right (then # or *)"),
    _option(
        "5", Act.TO_LIST, "an eine Verteilerliste (Nummer, #; dann # oder *)", "to a list (number, #; then # or *)"
    ),
    _option("6", Act.URGENT, "dringend (noch einmal: aufheben)", "urgent (again: not urgent)"),
    _option("7", Act.CONFIDENTIAL, "vertraulich (noch einmal: aufheben)", "confidential (again: not confidential)"),
    _BACK,
    _REPEAT,
)
COMPOSE: Final = _menu(
    "compose",
    "Nachricht verfassen",
    "Compose",
    _option("1", Act.RECORD, "aufnehmen", "record"),
    _option("2", Act.LISTEN, "anhören", "hear it"),
    *_SENDING,
    spoken_as=phrases.Menu.COMPOSE,
)
FORWARD: Final = _menu(
    "forward",
    "Weiterleiten",
    "Forward",
    _option("1", Act.RECORD, "Kommentar aufnehmen", "record a comment"),
    _option("2", Act.LISTEN, "Kommentar anhören", "hear the comment"),
    *_SENDING,
    spoken_as=phrases.Menu.FORWARD,
)
REPLY: Final = _menu(
    "reply",
    "Antworten",
    "Reply",
    _option("1", Act.RECORD, "aufnehmen", "record"),
    _option("2", Act.LISTEN, "anhören", "hear it"),
    _option("3", Act.SEND, "senden", "send"),
    _option("6", Act.URGENT, "dringend (noch einmal: aufheben)", "urgent (again: not urgent)"),
    _option("7", Act.CONFIDENTIAL, "vertraulich (noch einmal: aufheben)", "confidential (again: not confidential)"),
    _BACK,
    _REPEAT,
    spoken_as=phrases.Menu.REPLY,
)
DICTATION: Final = _menu(
    "dictation",
    "Während der Aufnahme",
    "While recording",
    _option("#", Act.STOP, "Aufnahme beenden", "stop"),
    _option("*", Act.STOP, "Aufnahme beenden (löscht nie)", "stop (never deletes)"),
)
SEND: Final = _menu(
    "send",
    "An diese Empfänger senden?",
    "Send to these recipients?",
    _option("#", Act.SEND, "senden", "send"),
    _option("*", Act.BACK, "abbrechen", "cancel"),
    spoken_as=phrases.Menu.SEND,
)

WHILE_PLAYING: Final = MESSAGE | PLAYING
AFTERWARDS: Final = replace(
    MESSAGE | AFTER,
    spoken_as=((phrases.Menu.MESSAGE, "#7"), (phrases.Menu.AFTER, "2468"), (phrases.Menu.MESSAGE, "59*")),
)
"""What is asked for most is said first."""

CALLER_MENUS: Final = (GREETING, FULL, RECORDING, REVIEW, DISCARD)
SUBSCRIBER_MENUS: Final = (
    *(LOGIN_NUMBER, LOGIN_PIN, MAIN, MAILBOX, CONFIRM, MESSAGE, PLAYING, AFTER, MORE, DELETED, SENT, PASSCODE),
    *(BUSY_GREETING, NO_ANSWER_GREETING, AWAY, NAME, FORWARDING, COMPOSE, FORWARD, REPLY),
    *(DICTATION, SEND),
)


def every_menu() -> Iterator[Menu]:
    """Yield every menu of the table, in the order of a call."""
    yield from CALLER_MENUS
    yield from SUBSCRIBER_MENUS
