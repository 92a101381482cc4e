"""What is known of whoever sent a call: a peer or trunk by its address, or a phone by its digest."""

from dataclasses import replace

from ivr.call import Line, Origin
from ivr.sip.diversion import arrival_of
from ivr.sip.errors import ParseError
from ivr.sip.message import Request
from ivr.sip.uri import NameAddr
from ivr.way import Login
from voicebox.arrival import Arrival, Lookup
from voicebox.directory import Device
from voicebox.mailbox import Company
from voicebox.message import Caller
from voicebox.numbers import DialPlan, Number, parse_signalled
from voicebox.settings.sip import CallSource, Trunk


def name_of(guest: CallSource | Device) -> str:
    """Return the name of a peer, or the number of a phone."""
    return guest.name if isinstance(guest, CallSource) else guest.number


def login_of(guest: CallSource | Device) -> Login | None:
    """Return our user name and password there, where it is a trunk."""
    return (guest.username, guest.password.get_secret_value()) if isinstance(guest, Trunk) else None


def arrival_from(guest: CallSource | Device, request: Request, plan: DialPlan) -> Arrival:
    """Read an INVITE; a phone's caller is the phone, whatever its From says."""
    if isinstance(guest, Device):
        arrival = arrival_of(request, identity="from", trusted=False)
        if arrival.caller.withheld:
            return arrival
        return replace(arrival, caller=Caller(guest.number, arrival.caller.name))
    arrival = arrival_of(request, identity=guest.identity.value, trusted=True)
    caller = arrival.caller
    if caller.number is None:
        return arrival
    number = parse_signalled(caller.number, plan)
    return replace(arrival, caller=replace(caller, number=number.shown if number is not None else None))


async def drop_claims(request: Request, company: Company, plan: DialPlan, directory: Lookup) -> None:
    """Drop the Diversions of a phone's INVITE that name nobody of its company.

    They would go on with the call, and a trunk takes what we send it for vouched (RFC 5806, security considerations).
    """
    named: list[tuple[str, Number]] = []
    for value in request.headers.all("Diversion"):
        try:
            user = NameAddr.parse(value).uri.user
        except ParseError:
            continue
        if user is not None and (number := parse_signalled(user, plan)) is not None:
            named.append((value, number))
    ours = await directory.find_all(company.id, [number for _, number in named]) if named else {}
    request.headers.remove("Diversion")
    for value, number in named:
        if number in ours:
            request.headers.add("Diversion", value)


def origin_of(guest: CallSource | Device, company: Company, host: str) -> Origin:
    """Return where a call comes from, as the flows see it."""
    if isinstance(guest, Device):
        return Origin(company.id, guest.number, Line.DEVICE, host, device=guest.number, trusted=True)
    line = Line.TRUNK if guest.verified_caller_id else Line.CLAIMED
    return Origin(company.id, guest.name, line, host, trusted=True)
