"""Who is calling the portal, and as whom failed logins are counted (voicemail.md, rows 3 and 4; security.md, row 2)."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol, Self

from voicebox.mailbox import Mailbox
from voicebox.message import Caller
from voicebox.numbers import DialPlan, Number, parse_signalled


class Line(StrEnum):
    """How sure we are of who is on the line (rows 3 and 4); the values of `ivr.call.Line`."""

    DEVICE = "device"
    """A phone whose digest was verified on this call."""
    TRUNK = "trunk"
    """A peer with `verified_caller_id`."""
    CLAIMED = "claimed"
    """A number that anybody could have claimed."""


class Ask(StrEnum):
    """What a caller of the portal must type."""

    NOTHING = "nothing"
    """Logged in already."""
    PIN = "pin"
    NUMBER_AND_PIN = "number-and-pin"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who seems to be calling, and what is asked before the mailbox opens."""

    ask: Ask
    mailbox: Mailbox | None = None
    """Whose PIN is asked, or who is logged in; None: the number is asked."""
    by: str = "pin"
    """How the login came about, for the trace: pin, device or trunk."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where attempts come from, as far as they are counted together."""

    key: str
    shared: bool = False
    """Many callers look alike here (withheld numbers): they are slowed, never locked."""

    @classmethod
    def of_call(cls, *, peer: str, trusted: bool, address: str, caller: Caller, device: str | None = None) -> Self:
        """Return the source of a call: its device or, behind a peer, the caller's number; else its address."""
        if device is not None:
            return cls(f"number:{device}")
        if not trusted:
            return cls.of_address(address)
        if caller.withheld or caller.number is None:
            return cls(f"withheld:{peer}", shared=True)
        return cls(f"number:{caller.number}")

    @classmethod
    def of_address(cls, address: str) -> Self:
        """Return the source of a stranger."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return cls(f"address:{address}")
        return cls(f"address:{counted_as(parsed)}")


def counted_as(address: IPv4Address | IPv6Address) -> str:
    """Return what counts as one stranger's address: of IPv6 the /64, since everyone has one whole."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


class Lookup(Protocol):
    """Finds mailboxes; `voicebox.directory` is the real one."""

    async def mailbox(self, company_id: int, number: str) -> Mailbox | None:
        """Return a company's mailbox by its extension."""
        ...

    async def find(self, company_id: int, number: Number) -> Mailbox | None:
        """Return a company's mailbox by any of its numbers."""
        ...


async def identify(
    *, company_id: int, plan: DialPlan, line: Line, device: str | None, caller: Caller, directory: Lookup
) -> Identity:
    """Say who calls the portal and what he must type (rows 3 and 4).

    A verified device is its owner's phone, whatever number it shows. Any other caller is known by the number he
    shows, own or alias; only a peer whose caller ID is verified may spare him the PIN.

    Raises:
        DatabaseUnavailable: it cannot be said now.
    """
    if line is Line.DEVICE and device is not None:
        mailbox = await directory.mailbox(company_id, device)
    elif caller.withheld or caller.number is None:
        return Identity(Ask.NUMBER_AND_PIN)
    else:
        number = parse_signalled(caller.number, plan)
        mailbox = await directory.find(company_id, number) if number else None
    if mailbox is None:
        return Identity(Ask.NUMBER_AND_PIN)
    if mailbox.auto_login and line is not Line.CLAIMED:
        return Identity(Ask.NOTHING, mailbox, line.value)
    return Identity(Ask.PIN, mailbox)
