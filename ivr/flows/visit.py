"""A subscriber in an open mailbox: what every menu behind the login needs."""

from dataclasses import dataclass
from datetime import tzinfo

from ivr.call import Call
from ivr.flows.services import Inbox, Services
from prompts.phrases import Phrase, say
from voicebox.i18n import Language
from voicebox.mailbox import Company, Mailbox, zone_of


@dataclass(frozen=True, slots=True)
class Visit:
    """One call in one mailbox, after the login."""

    call: Call
    services: Services
    company: Company
    mailbox: Mailbox
    inbox: Inbox
    member: Mailbox | None = None
    """In a team's mailbox: the mailbox of the member who opened it."""

    @property
    def owner(self) -> Mailbox:
        """The mailbox of the person on the line: in whose name things are sent, claimed and handled."""
        return self.member or self.mailbox

    @property
    def language(self) -> Language:
        """The language of the person on the line."""
        return self.owner.language

    @property
    def zone(self) -> tzinfo:
        """The time zone of the person on the line."""
        return zone_of(self.owner, self.company)

    def say(self, *ids: str) -> Phrase:
        """Return utterances in the language of the person on the line."""
        return say(self.language, *ids)
