"""Connecting the person on the line to somebody else: the policy asked, the minutes counted, the outcome traced."""

from enum import Enum, auto
from typing import Final

from ivr.call import Call, Hangup, Sound
from ivr.flows.asking import tell
from ivr.flows.services import Services
from voicebox.errors import DatabaseUnavailable
from voicebox.mailbox import Mailbox
from voicebox.outbound import Refusal, Refused

_PASSING: Final = frozenset({Refusal.TOO_MANY_CALLS, Refusal.BUDGET_SPENT})


class Connection(Enum):
    """What came of it, as far as the person on the line is concerned."""

    REACHED = auto()
    NOBODY = auto()
    """It rang, or should have; nobody is there."""
    REFUSED = auto()
    """The outbound policy does not allow this number: nothing was dialled, nothing said."""
    NOT_NOW = auto()
    """Likewise, but the number is not the reason: too many calls, no minutes left, or the database is away."""


async def connect(
    call: Call, services: Services, payer: Mailbox, number: str, *before: Sound, diverted: bool
) -> Connection:
    """Say `before`, ring a number, and let them talk; returns when the other side has hung up, or cannot be reached.

    Args:
        call: the person on the line.
        services: the use cases.
        payer: the mailbox in whose name this is.
        number: whom to ring.
        before: said once the policy has allowed it.
        diverted: the call goes on from the mailbox; otherwise its subscriber calls.

    Raises:
        Hangup: the call is over.
    """
    try:
        permit = await services.outcalls.admit(payer, number)
    except DatabaseUnavailable:
        call.note("transfer", to=number, result="refused", why="database")
        return Connection.NOT_NOW
    if isinstance(permit, Refused):
        call.note("transfer", to=number, result="refused", why=permit.why.value)
        return Connection.NOT_NOW if permit.why in _PASSING else Connection.REFUSED
    result = "given-up"  # unless it comes to something else

    def answered() -> None:
        nonlocal result
        result = "connected"
        permit.answered()

    try:
        await tell(call, *before)
        end = await call.transfer(permit.dial, payer, diverted=diverted, answered=answered, lease_s=permit.lease_s)
        result = end.value
    except Hangup:
        raise
    except Exception:
        result = "failed"
        raise
    finally:
        call.note("transfer", to=permit.dial.number, result=result)
        await permit.end()
    return Connection.REACHED if end.reached else Connection.NOBODY
