"""What the API says when it refuses, in German and English.

One code for each kind of refusal: programs go by the code (the end of a problem's `type`), people read the text.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from voicebox.i18n import Language


class Code(StrEnum):
    """A kind of refusal; never renamed, for programs branch on it."""

    TOKEN_MISSING = "token-missing"  # noqa: S105 - a name, no secret
    TOKEN_REFUSED = "token-refused"  # noqa: S105 - likewise
    TOKEN_TOO_NARROW = "token-too-narrow"  # noqa: S105 - likewise
    FOREIGN_COMPANY = "foreign-company"
    FOREIGN_MAILBOX = "foreign-mailbox"
    FOREIGN_MESSAGE = "foreign-message"
    FOREIGN_CALL = "foreign-call"
    FOREIGN_ANNOUNCEMENT = "foreign-announcement"
    UNKNOWN_PATH = "unknown-path"
    UNKNOWN_MAILBOX = "unknown-mailbox"
    UNKNOWN_MESSAGE = "unknown-message"
    UNKNOWN_CALL = "unknown-call"
    UNKNOWN_ANNOUNCEMENT = "unknown-announcement"
    UNKNOWN_SENDING = "unknown-sending"
    NO_AUDIO = "no-audio"
    NAME_TAKEN = "name-taken"
    ANNOUNCEMENT_IN_USE = "announcement-in-use"
    TOO_MANY_ANNOUNCEMENTS = "too-many-announcements"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    RANGE_NOT_SATISFIABLE = "range-not-satisfiable"
    INVALID = "invalid"
    TOO_MANY_ATTEMPTS = "too-many-attempts"
    TOO_MANY_UPLOADS = "too-many-uploads"
    TOO_MANY_CONFIRMATIONS = "too-many-confirmations"
    REFUSED = "refused"
    INTERNAL = "internal"
    NOT_READY = "not-ready"
    UNAVAILABLE = "unavailable"


STATUS: Final[Mapping[Code, int]] = MappingProxyType(
    {
        Code.TOKEN_MISSING: 401,
        Code.TOKEN_REFUSED: 401,
        Code.TOKEN_TOO_NARROW: 403,
        Code.FOREIGN_COMPANY: 403,
        Code.FOREIGN_MAILBOX: 403,
        Code.FOREIGN_MESSAGE: 403,
        Code.FOREIGN_CALL: 403,
        Code.FOREIGN_ANNOUNCEMENT: 403,
        Code.UNKNOWN_PATH: 404,
        Code.UNKNOWN_MAILBOX: 404,
        Code.UNKNOWN_MESSAGE: 404,
        Code.UNKNOWN_CALL: 404,
        Code.UNKNOWN_ANNOUNCEMENT: 404,
        Code.UNKNOWN_SENDING: 404,
        Code.NO_AUDIO: 404,
        Code.METHOD_NOT_ALLOWED: 405,
        Code.NAME_TAKEN: 409,
        Code.ANNOUNCEMENT_IN_USE: 409,
        Code.TOO_MANY_ANNOUNCEMENTS: 409,
        Code.RANGE_NOT_SATISFIABLE: 416,
        Code.INVALID: 422,
        Code.TOO_MANY_ATTEMPTS: 429,
        Code.TOO_MANY_UPLOADS: 429,
        Code.TOO_MANY_CONFIRMATIONS: 429,
        Code.REFUSED: 400,
        Code.INTERNAL: 500,
        Code.NOT_READY: 503,
        Code.UNAVAILABLE: 503,
    }
)
"""The status each goes with; `REFUSED` takes the server's own."""

_TEXTS: Final[Mapping[Code, tuple[tuple[str, str], tuple[str, str]]]] = MappingProxyType(
    {
        Code.TOKEN_MISSING: (
            (
                "Anmeldung nötig",
                "Bitte ein Token mitsenden: „Authorization: Bearer …“; `voicebox token` erzeugt eines.",
            ),
            ("Sign-in required", "Send a token as “Authorization: Bearer …”; `voicebox token` makes one."),
        ),
        Code.TOKEN_REFUSED: (
            ("Token ungültig", "Dieses Token ist unbekannt, abgelaufen oder widerrufen."),
            ("Token refused", "This token is unknown, expired or revoked."),
        ),
        Code.TOKEN_TOO_NARROW: (
            ("Recht fehlt", "Dafür ist ein Token mit dem Recht „admin“ nötig."),
            ("Scope missing", "This needs a token with the scope “admin”."),
        ),
        Code.FOREIGN_COMPANY: (
            ("Fremde Firma", "Dieses Token gilt nicht für diese Firma."),
            ("Foreign company", "This token is not good for that company."),
        ),
        Code.FOREIGN_MAILBOX: (
            ("Fremdes Postfach", "Dieses Token gilt nicht für dieses Postfach."),
            ("Foreign mailbox", "This token is not good for that mailbox."),
        ),
        Code.FOREIGN_MESSAGE: (
            ("Fremde Nachricht", "Diese Nachricht liegt in einem Postfach, für das dieses Token nicht gilt."),
            ("Foreign message", "That message is in a mailbox this token is not good for."),
        ),
        Code.FOREIGN_CALL: (
            ("Fremder Anruf", "Dieser Anruf galt einem Postfach, für das dieses Token nicht gilt."),
            ("Foreign call", "That call was for a mailbox this token is not good for."),
        ),
        Code.FOREIGN_ANNOUNCEMENT: (
            ("Fremde Ansage", "Diese Ansage gehört zu etwas, für das dieses Token nicht gilt."),
            ("Foreign announcement", "That announcement belongs to what this token is not good for."),
        ),
        Code.UNKNOWN_PATH: (
            ("Nicht gefunden", "Unter diesem Pfad gibt es nichts."),
            ("Not found", "There is nothing at this path."),
        ),
        Code.UNKNOWN_MAILBOX: (
            ("Postfach unbekannt", "Ein Postfach mit dieser Nummer gibt es nicht."),
            ("Unknown mailbox", "There is no mailbox of this number."),
        ),
        Code.UNKNOWN_MESSAGE: (
            ("Nachricht unbekannt", "Eine Nachricht mit dieser Kennung gibt es nicht (mehr)."),
            ("Unknown message", "There is no message of this id (any more)."),
        ),
        Code.UNKNOWN_CALL: (
            ("Anruf unbekannt", "Einen Anruf mit dieser Kennung gibt es nicht (mehr)."),
            ("Unknown call", "There is no call of this id (any more)."),
        ),
        Code.UNKNOWN_ANNOUNCEMENT: (
            ("Ansage unbekannt", "Eine Ansage mit dieser Kennung gibt es nicht (mehr)."),
            ("Unknown announcement", "There is no announcement of this id (any more)."),
        ),
        Code.UNKNOWN_SENDING: (
            ("Sendung unbekannt", "Dieses Postfach hat nichts mit dieser Kennung gesendet."),
            ("Unknown sending", "This mailbox sent nothing of this id."),
        ),
        Code.NO_AUDIO: (
            ("Keine Aufnahme", "Hier gibt es nichts Abspielbares: Die Aufnahme fehlt oder ist beschädigt."),
            ("No audio", "There is nothing to play here: the recording is missing or broken."),
        ),
        Code.NAME_TAKEN: (
            ("Name vergeben", "Eine Ansage „{name}“ gibt es schon. Bitte anders benennen oder die alte löschen."),
            ("Name taken", "There is an announcement “{name}” already. Take another name, or delete that one."),
        ),
        Code.ANNOUNCEMENT_IN_USE: (
            (
                "Ansage in Gebrauch",
                "Benutzt von {who}. Mit „replace_by_default=true“ spielt dort wieder die Standardbegrüßung.",
            ),
            (
                "Announcement in use",
                "It is used by {who}. With “replace_by_default=true” they play the default greeting again.",
            ),
        ),
        Code.TOO_MANY_ANNOUNCEMENTS: (
            ("Zu viele Ansagen", "Mehr als {most} sind nicht möglich. Bitte erst eine löschen."),
            ("Too many announcements", "There may be no more than {most}. Delete one first."),
        ),
        Code.METHOD_NOT_ALLOWED: (
            ("Methode nicht erlaubt", "Unter diesem Pfad ist nur möglich: {allowed}."),
            ("Method not allowed", "This path takes only: {allowed}."),
        ),
        Code.RANGE_NOT_SATISFIABLE: (
            ("Bereich nicht vorhanden", "Die Datei hat {size} Byte; der verlangte Bereich liegt dahinter."),
            ("Range not satisfiable", "The file has {size} bytes; the range asked for lies beyond."),
        ),
        Code.INVALID: (
            ("Angaben ungültig", "Bitte berichtigen: {fields}."),
            ("Invalid request", "Please correct: {fields}."),
        ),
        Code.TOO_MANY_ATTEMPTS: (
            ("Zu viele Versuche", "Zu viele ungültige Token. Bitte in {retry_after_s} s wieder versuchen."),
            ("Too many attempts", "Too many tokens were refused. Try again in {retry_after_s} s."),
        ),
        Code.TOO_MANY_UPLOADS: (
            (
                "Zu viele Dateien zugleich",
                "Gerade werden zu viele Dateien zugleich gesendet. Bitte in {retry_after_s} s wieder versuchen.",
            ),
            ("Too many uploads", "Too many files are being sent at once. Try again in {retry_after_s} s."),
        ),
        Code.TOO_MANY_CONFIRMATIONS: (
            ("Zu viele Rückfragen", "Es wurde nichts geändert. Bitte später wieder versuchen: {fields}."),
            ("Too many confirmations", "Nothing was changed. Please try again later: {fields}."),
        ),
        Code.REFUSED: (
            ("Anfrage abgelehnt", "Diese Anfrage kann nicht beantwortet werden."),
            ("Request refused", "This request cannot be answered."),
        ),
        Code.INTERNAL: (
            ("Interner Fehler", "Das lag an uns. Im Protokoll steht mehr, unter der Kennung in „instance“."),
            ("Internal error", "That was our fault. The log says more, under the id in “instance”."),
        ),
        Code.NOT_READY: (
            ("Nicht bereit", "Nicht bereit: {parts}."),
            ("Not ready", "Not ready: {parts}."),
        ),
        Code.UNAVAILABLE: (
            (
                "Vorübergehend nicht möglich",
                "Datenbank oder Audiospeicher sind gerade nicht erreichbar. Bitte später wieder versuchen.",
            ),
            (
                "Temporarily unavailable",
                "The database or the audio store cannot be reached now. Please try again later.",
            ),
        ),
    }
)

_FIELD_TEXTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "whole-number": ("muss eine ganze Zahl sein", "must be a whole number"),
        "at-least": ("muss mindestens {limit} sein", "must be at least {limit}"),
        "at-most": ("darf höchstens {limit} sein", "must be at most {limit}"),
        "one-of": ("muss eines von diesen sein: {choices}", "must be one of: {choices}"),
        "too-long": ("ist zu lang (höchstens {limit} Zeichen)", "is too long (at most {limit} characters)"),
        "mailbox-number": ("ist keine Nummer eines Postfachs", "is not the number of a mailbox"),
        "cursor": ("stammt nicht aus „next“ dieser Liste", "is not from the “next” of this list"),
        "unknown-field": ("gibt es hier nicht", "does not exist here"),
        "given-twice": ("darf nur einmal angegeben werden", "may be given only once"),
        "required": ("fehlt", "is missing"),
        "unknown-company": ("nennt keine Firma, die es gibt", "names no company that exists"),
        "json": ("muss ein JSON-Objekt sein", "must be a JSON object"),
        "unknown-number": ("gehört zu keinem Postfach der Firma", "belongs to no mailbox of the company"),
        "unknown-list": ("ist keine Liste, an die dieses Postfach senden kann", "is no list this mailbox can send to"),
        "empty-list": ("hat keine Mitglieder außer dem Absender", "has no members besides the sender"),
        "email-address": ("ist keine E-Mail-Adresse", "is not an e-mail address"),
        "asked-too-often": (
            "wird heute nicht mehr gefragt: Für dieses Postfach wurden in 24 Stunden schon zehn Adressen gefragt",
            "is not asked today: ten addresses were asked for this mailbox within 24 hours",
        ),
        "unprintable": (
            "enthält Zeichen, die sich nicht darstellen lassen",
            "contains characters that cannot be shown",
        ),
        "no-form": (
            "muss die Datei selbst sein, kein Formular (curl: --data-binary @DATEI)",
            "must be the file itself, not a form (curl: --data-binary @FILE)",
        ),
        "audio-unreadable": (
            "ist keine Audiodatei, die sich lesen lässt; bitte als WAV, FLAC, MP3 oder Ogg speichern",
            "is no audio file that can be read; save it as WAV, FLAC, MP3 or Ogg",
        ),
        "audio-too-large": (
            "ist größer als 10 MB; bitte kürzen oder als FLAC oder MP3 speichern",
            "is larger than 10 MB; make it shorter, or use FLAC or MP3",
        ),
        "audio-too-long": ("dauert länger als 180 s; bitte kürzen", "is longer than 180 s; make it shorter"),
        "audio-too-slow": (
            "braucht zu lange zum Lesen; bitte als WAV speichern, 16 Bit, mono oder stereo",
            "takes too long to read; save it as WAV, 16 bits, mono or stereo",
        ),
        "audio-empty": (
            "enthält nichts Hörbares; bitte neu aufnehmen",
            "holds nothing that can be heard; record it again",
        ),
        "audio-keypad": (
            "enthält Tastentöne; bitte neu aufnehmen, ohne Tasten zu drücken",
            "has keypad tones in it; record it again without pressing keys",
        ),
        "audio-needs-ffmpeg": (
            "ist M4A oder WebM, wofür der Server ffmpeg braucht (apt install ffmpeg); sonst WAV, FLAC, MP3 oder Ogg",
            "is M4A or WebM, for which the server needs ffmpeg (apt install ffmpeg); or use WAV, FLAC, MP3 or Ogg",
        ),
        "invalid": ("ist ungültig", "is not valid"),
    }
)
"""What is wrong with a field, by code; German, then English."""


def text_of(code: Code, language: Language, facts: Mapping[str, str]) -> tuple[str, str]:
    """Return a problem's title and detail; `facts` fills the places in braces."""
    german, english = _TEXTS[code]
    title, detail = german if language is Language.DE else english
    return title, detail.format_map(facts)


def field_text(code: str, language: Language, facts: Mapping[str, str]) -> str:
    """Return what is wrong with a field, to be read after its name."""
    german, english = _FIELD_TEXTS[code]
    return (german if language is Language.DE else english).format_map(facts)
