"""What can become of an attempt to deliver a mail.

DeliveryError
├── PermanentFailure   the server will never take this mail: no such address, refused content
├── TemporaryFailure   not now: unreachable, greylisted, full, wrong login; trying later is right
├── UnknownOutcome     it vanished after the text was sent, so it may have taken it; the same mail is sent again
└── AudioNotReady      the recording cannot be read yet; says nothing about the mail server
"""


class DeliveryError(Exception):
    """A mail that did not get a 250; the text is for the administrator, without secrets."""


class PermanentFailure(DeliveryError):  # noqa: N818 - named after the outcome, as the queue shows it
    """A 5xx answer to this sender, recipient or text (RFC 5321 section 4.2.1)."""


class TemporaryFailure(DeliveryError):  # noqa: N818 - likewise
    """A 4xx answer, no connection, or trouble with our own login: nothing is wrong with the mail."""


class UnknownOutcome(DeliveryError):  # noqa: N818 - likewise
    """No answer to the end of the text (RFC 5321 section 4.5.3.2.6): sent or not, nobody knows."""


class AudioNotReady(DeliveryError):  # noqa: N818 - likewise
    """The recording that belongs into the mail cannot be read now."""
