"""The JSON of distribution lists, and of what was sent. Fields may be added, never renamed or taken away."""

from collections.abc import Mapping, Sequence

from pydantic import Field

from voicebox.distribution import Delivery, DistributionList, Result
from voicebox.message import MessageKind
from voicebox.storage.sendings import Sending
from webmanager.api.shapes import Moment, Shape, moment


class ListOut(Shape):
    """A distribution list."""

    number: int
    description: str
    shared: bool = Field(description="Whether everybody in the company may send to it.")
    owner: str | None = Field(description="The extension of whose list it is.")
    count: int = Field(description="How many members it has.")
    members: list[str] | None = Field(description="Their extensions; null for a list that is another's.")

    @classmethod
    def of(cls, made: DistributionList, extensions: Mapping[int, str], *, own: bool) -> "ListOut":
        """Return a list as its owner, or (not `own`) somebody who may send to it, is to see it."""
        members = sorted(extensions[each] for each in made.members if each in extensions) if own else None
        return cls(
            number=made.number,
            description=made.description,
            shared=made.shared,
            owner=extensions.get(made.mailbox_id),
            count=len(made.members),
            members=members,
        )


class ListsOut(Shape):
    """The lists a mailbox can send to, by number."""

    lists: list[ListOut]


class ResultOut(Shape):
    """What became of a sending at one recipient."""

    number: str = Field(description="The recipient's extension.")
    outcome: Delivery = Field(description="off: the mailbox is switched off; unknown: it has gone meanwhile.")
    message: str | None = Field(description="The id of the copy; null where there is none (any more).")

    @classmethod
    def of(cls, result: Result) -> "ResultOut":
        """Return a result as the API shows it."""
        return cls(number=result.recipient, outcome=result.outcome, message=result.message_id)


class SentOut(Shape):
    """What has just been sent, with a result for each recipient."""

    id: str
    results: list[ResultOut]


class SendingOut(Shape):
    """A message sent to others."""

    id: str
    kind: MessageKind
    sent: Moment
    results: list[ResultOut]

    @classmethod
    def of(cls, made: Sending, results: Sequence[Result]) -> "SendingOut":
        """Return a sending with what became of it."""
        return cls(
            id=made.id,
            kind=made.kind,
            sent=moment(made.created_at),
            results=[ResultOut.of(each) for each in results],
        )


class SendingsOut(Shape):
    """What was sent, the latest first."""

    sendings: list[SendingOut]


class RecalledOut(Shape):
    """What was taken back."""

    recalled: int = Field(description="How many copies; 0 where all were heard, or taken back before.")
