"""What the pages say, in German and English."""

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from voicebox.i18n import Language


class Text(Enum):
    """A sentence of a page."""

    CONFIRM_HEADING = auto()
    CONFIRM_WHAT = auto()
    CONFIRM_NOTHING = auto()
    CONFIRM_BUTTON = auto()
    CONFIRMED_HEADING = auto()
    CONFIRMED_WHAT = auto()
    LISTEN_HEADING = auto()
    LISTEN_CONFIDENTIAL = auto()
    LINK_OVER = auto()
    NOT_PLAYABLE = auto()
    TOO_OFTEN = auto()
    LATER = auto()


_TEXTS: Final[Mapping[Language, Mapping[Text, str]]] = MappingProxyType(
    {
        Language.DE: {
            Text.CONFIRM_HEADING: "Adresse bestätigen",
            Text.CONFIRM_WHAT: "Nachrichten der Mailbox {mailbox} ({owner}, {company}) an {address} senden?",
            Text.CONFIRM_NOTHING: "Sind Sie nicht einverstanden, schließen Sie diese Seite.",
            Text.CONFIRM_BUTTON: "Ja, an diese Adresse senden",
            Text.CONFIRMED_HEADING: "Die Adresse ist bestätigt",
            Text.CONFIRMED_WHAT: "Nachrichten der Mailbox {mailbox} ({company}) dürfen an {address} gesendet werden.",
            Text.LISTEN_HEADING: "Nachricht anhören",
            Text.LISTEN_CONFIDENTIAL: "Diese Nachricht ist vertraulich. Geben Sie den Link nicht weiter.",
            Text.LINK_OVER: "Dieser Link gilt nicht mehr",
            Text.NOT_PLAYABLE: "Diese Nachricht kann nicht wiedergegeben werden",
            Text.TOO_OFTEN: "Zu viele Versuche. Bitte warten Sie einige Minuten",
            Text.LATER: "Das geht gerade nicht. Bitte versuchen Sie es in einigen Minuten noch einmal",
        },
        Language.EN: {
            Text.CONFIRM_HEADING: "Confirm the address",
            Text.CONFIRM_WHAT: "Send messages of mailbox {mailbox} ({owner}, {company}) to {address}?",
            Text.CONFIRM_NOTHING: "If you do not agree, close this page.",
            Text.CONFIRM_BUTTON: "Yes, send them to this address",
            Text.CONFIRMED_HEADING: "The address is confirmed",
            Text.CONFIRMED_WHAT: "Messages of mailbox {mailbox} ({company}) may be sent to {address}.",
            Text.LISTEN_HEADING: "Listen to the message",
            Text.LISTEN_CONFIDENTIAL: "This message is confidential. Do not pass the link on.",
            Text.LINK_OVER: "This link is not valid any more",
            Text.NOT_PLAYABLE: "This message cannot be played",
            Text.TOO_OFTEN: "Too many attempts. Please wait some minutes",
            Text.LATER: "This does not work at the moment. Please try again in some minutes",
        },
    }
)


def text_of(text: Text, language: Language, **facts: str) -> str:
    """Return a sentence with its facts."""
    return _TEXTS[language][text].format(**facts)
