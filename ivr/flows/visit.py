"""A subscriber in an open mailbox: what every menu behind the login needs."""

from dataclasses import dataclass
from datetime import tzinfo

from ivr.call import Call
from ivr.flows.services import Inbox, Services
from prompts.phrases import Phrase, say
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox


@dataclass(frozen=True, slots=True)
class Visit:
    """One call in one mailbox, after the login."""

    call: Call
    services: Services
    company: Company
    mailbox: Mailbox
    inbox: Inbox

    @property
    def language(self) -> Language:
        """The mailbox's language."""
        return self.mailbox.language

    @property
    def zone(self) -> tzinfo:
        """The subscriber's time zone."""
        return self.mailbox.zone

    def say(self, *ids: str) -> Phrase:
        """Return utterances in the mailbox's language."""
        return say(self.language, *ids)
