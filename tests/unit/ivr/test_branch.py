"""An INVITE of ours: how it rings, is answered, given up and ended."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ivr.branch import Branch, Invitation, Place
from ivr.sip.dialog import Dialog
from ivr.sip.digest import Algorithm, Authenticator, StoredSecrets, Verdict, ha1
from ivr.sip.hops import Destination, Hop, Transport
from ivr.sip.locating import LocatingError
from ivr.sip.message import Request, Response, response_to
from ivr.sip.transaction import ServerTransaction
from ivr.sip.uri import Uri
from tests.fakes.exchange import Exchange, exchange, sdp

SAID = Invitation(
    uri=Uri.parse("sip:1002@phone.invalid"),
    sender='"Anna" <sip:1001@voicebox.example>',
    to="<sip:1002@voicebox.example>",
    body=sdp(40_000),
    headers=(("P-Asserted-Identity", "<sip:1001@voicebox.example>"), ("Diversion", "<sip:1003@x>;reason=user-busy")),
    max_forwards=68,
)


@pytest.fixture
async def both() -> AsyncIterator[Exchange]:
    async with exchange() as opened:
        opened.core.answer = lambda request: None if request.method == "INVITE" else response_to(request, 200)
        yield opened


def place_of(both: Exchange) -> Hop:
    where = both.caller.listening[0]
    return Hop(Transport.UDP, where.host, where.port)


def branch_to(both: Exchange, said: Invitation = SAID, place: Place | None = None) -> Branch:
    return Branch(
        both.server,
        said,
        place or Place(place_of(both)),
        user="1001",
        dialogs=both.house.dialogs,
        spawn=both.errands.spawn,
    )


async def rings(both: Exchange, branch: Branch, number: int = 1) -> tuple["asyncio.Task[Response]", ServerTransaction]:
    """Let a branch ring, until the phone has it."""
    ringing = asyncio.create_task(branch.ring())
    await both.core.until(lambda: len(both.core.invites) >= number)
    return ringing, both.core.invites[-1]


def ringing_180(tx: ServerTransaction, tag: str = "phone") -> Response:
    return response_to(tx.request, 180, to_tag=tag)


def picked_up(both: Exchange, tx: ServerTransaction, tag: str = "phone") -> tuple[Response, Dialog]:
    """Return a phone's 200 and its side of the dialog."""
    response = response_to(tx.request, 200, to_tag=tag)
    response.headers.set("Contact", both.contact)
    response.headers.set("Content-Type", "application/sdp")
    response.body = sdp(41_000)
    return response, Dialog.of_server(tx.request, tag, both.contact)


async def answered_by_one_of_two(both: Exchange, branch: Branch) -> tuple[ServerTransaction, Response]:
    """Have one fork pick up and be acknowledged; return the 200 of another, which is not sent yet."""
    ringing, tx = await rings(both, branch)
    first, _ = picked_up(both, tx, "one")
    both.caller.respond(tx, first)
    await ringing
    await branch.acknowledge()
    second, _ = picked_up(both, tx, "two")
    return tx, second


async def hung_up_on(both: Exchange, branch: Branch) -> None:
    """Wait until who picked up has got its ACK and a BYE."""
    await both.core.request("BYE")
    assert len(both.core.acks) == 1
    assert branch.side is not None
    assert branch.side.over


async def connected(both: Exchange, branch: Branch) -> Dialog:
    ringing, tx = await rings(both, branch)
    response, dialog = picked_up(both, tx)
    both.caller.respond(tx, response)
    assert (await ringing).status == 200
    await branch.acknowledge()
    await both.core.until(lambda: both.core.acks)
    # As a server's dialog has it: its own tag is in To of the INVITE.
    return replace(dialog, local=response.headers.get("To") or "", local_cseq=100)


async def asked(both: Exchange, dialog: Dialog, method: str, body: bytes = b"") -> Response:
    return await both.ask(dialog.request(method, body=body, content_type="application/sdp"))


def byes(both: Exchange) -> list[str | None]:
    return [each.to.tag for each in both.core.requests if each.method == "BYE"]


async def test_it_says_who_calls_whom_and_why(both: Exchange) -> None:
    branch = branch_to(both)
    ringing, tx = await rings(both, branch)
    invite = tx.request
    assert (str(invite.uri), invite.max_forwards, invite.body) == ("sip:1002@phone.invalid", 68, SAID.body)
    assert (invite.from_.display, str(invite.from_.uri)) == ("Anna", "sip:1001@voicebox.example")
    assert invite.headers.get("P-Asserted-Identity") == "<sip:1001@voicebox.example>"
    assert invite.headers.get("Diversion") == "<sip:1003@x>;reason=user-busy"
    assert str(invite.contact[0].uri).startswith("sip:1001@127.0.0.1:")
    branch.give_up()
    assert (await ringing).status == 487


async def test_what_rings_is_told_and_an_answer_makes_a_dialog(both: Exchange) -> None:
    branch = branch_to(both)
    told: list[int] = []
    branch.on_provisional = lambda response: told.append(response.status)
    ringing, tx = await rings(both, branch)
    both.caller.respond(tx, ringing_180(tx))
    response, _ = picked_up(both, tx)
    both.caller.respond(tx, response)
    answer = await ringing
    assert (answer.status, answer.body) == (200, sdp(41_000))
    assert told == [100, 180]
    assert branch.heard
    assert both.core.acks == []
    await branch.acknowledge(sdp(42_000))
    await both.core.until(lambda: both.core.acks)
    assert both.core.acks[0].body == sdp(42_000)
    branch.give_up()
    await both.core.request("BYE")


async def test_a_200_that_comes_again_is_acknowledged_again(both: Exchange) -> None:
    branch = branch_to(both)
    ringing, tx = await rings(both, branch)
    response, _ = picked_up(both, tx)
    both.caller.respond(tx, response)
    await ringing
    await branch.acknowledge()
    await both.core.until(lambda: both.core.acks)
    both.caller.send_2xx(tx, response)
    await both.core.until(lambda: len(both.core.acks) == 2)
    branch.give_up()
    await both.core.request("BYE")


async def test_a_200_whose_contact_leads_nowhere_is_acknowledged_where_it_came_from(both: Exchange) -> None:
    where = place_of(both)
    branch = branch_to(both, place=Place(Destination(where.host, where.port, Transport.UDP)))
    ringing, tx = await rings(both, branch)
    response, _ = picked_up(both, tx)
    response.headers.set("Contact", "<sip:phone@only.inside.test>")
    both.caller.respond(tx, response)
    assert (await ringing).status == 200
    await branch.acknowledge()
    await both.core.until(lambda: both.core.acks)
    branch.give_up()
    await both.core.request("BYE")


async def test_an_ack_that_could_not_be_sent_is_when_the_200_comes_again(both: Exchange) -> None:
    branch = branch_to(both)
    ringing, tx = await rings(both, branch)
    response, _ = picked_up(both, tx)
    both.caller.respond(tx, response)
    await ringing
    assert branch.side is not None
    with pytest.raises(LocatingError):
        await both.server.send_ack(branch.side.invite.dialog.ack(1), Destination("nowhere.example"))
    assert both.core.acks == []
    both.caller.send_2xx(tx, response)
    await both.core.until(lambda: both.core.acks)
    branch.give_up()
    await both.core.request("BYE")


@pytest.mark.parametrize("status", [486, 480, 603, 302, 500])
async def test_a_refusal_is_returned_and_leaves_no_dialog(both: Exchange, status: int) -> None:
    branch = branch_to(both)
    ringing, tx = await rings(both, branch)
    both.caller.respond(tx, response_to(tx.request, status, to_tag="phone"))
    assert (await ringing).status == status
    assert branch.side is None


async def test_given_up_before_it_rang_it_sends_nothing(both: Exchange) -> None:
    branch = branch_to(both)
    branch.give_up()
    assert (await branch.ring()).status == 487
    assert both.core.requests == []


async def test_a_200_that_crosses_the_cancel_gets_ack_and_bye(both: Exchange) -> None:
    branch = branch_to(both)
    ringing, tx = await rings(both, branch)
    response, _ = picked_up(both, tx)
    branch.given_up = True  # its CANCEL is on the way
    both.caller.respond(tx, response)
    assert (await ringing).status == 200
    await hung_up_on(both, branch)


async def test_a_second_fork_that_answers_is_hung_up(both: Exchange) -> None:
    branch = branch_to(both)
    tx, second = await answered_by_one_of_two(both, branch)
    both.caller.send_2xx(tx, second)
    bye = await both.core.request("BYE")
    assert bye.to.tag == "two"
    assert branch.side is not None
    assert not branch.side.over
    branch.give_up()
    await both.core.until(
        lambda: [each.to.tag for each in both.core.requests if each.method == "BYE"] == ["two", "one"]
    )


async def test_an_answer_that_leads_nowhere_counts_as_none(both: Exchange) -> None:
    branch = branch_to(both)
    ringing, tx = await rings(both, branch)
    response, _ = picked_up(both, tx)
    response.headers.set("Record-Route", "nonsense")
    both.caller.respond(tx, response)
    assert (await ringing).status == 502
    await hung_up_on(both, branch)


async def test_a_fork_whose_answer_leads_nowhere_is_hung_up_too(both: Exchange) -> None:
    branch = branch_to(both)
    tx, second = await answered_by_one_of_two(both, branch)
    second.headers.set("Record-Route", "nonsense")
    both.caller.send_2xx(tx, second)
    assert (await both.core.request("BYE")).to.tag == "two"
    branch.give_up()
    await both.core.until(lambda: byes(both) == ["two", "one"])


async def test_a_200_whose_contact_cannot_be_read_is_acknowledged_where_it_came_from(both: Exchange) -> None:
    where = place_of(both)
    said = replace(SAID, uri=Uri.parse(f"sip:1002@{where.host}:{where.port}"))
    branch = branch_to(both, said, Place(Destination(where.host, where.port, Transport.UDP)))
    ringing, tx = await rings(both, branch)
    response, _ = picked_up(both, tx)
    response.headers.set("Contact", "<sip:anna müller@127.0.0.1>")
    both.caller.respond(tx, response)
    assert (await ringing).status == 200
    await branch.acknowledge()
    await both.core.until(lambda: both.core.acks)
    branch.give_up()
    await both.core.request("BYE")


async def test_a_trunks_challenge_is_answered_once(both: Exchange) -> None:
    authenticator = Authenticator("trunk.example", b"0123456789abcdef")
    secret = StoredSecrets(
        ha1("user", "trunk.example", "word", Algorithm.MD5), ha1("user", "trunk.example", "word", Algorithm.SHA256)
    )
    verdicts: list[Verdict] = []

    def challenge(request: Request) -> Response | None:
        if request.method != "INVITE":
            return response_to(request, 200)
        credentials = authenticator.credentials_of(request)
        if credentials is not None:
            verdicts.append(authenticator.verify(credentials, request, secret, 0.0))
            return response_to(request, 486, to_tag="phone")
        response = response_to(request, 401, to_tag="phone")
        for value in authenticator.challenges(0.0):
            response.headers.add("WWW-Authenticate", value)
        return response

    both.core.answer = challenge
    branch = branch_to(both, place=Place(place_of(both), ("user", "word")))
    assert (await branch.ring()).status == 486
    assert verdicts == [Verdict.GOOD]
    assert [each.cseq.number for each in both.core.requests] == [1, 2]
    stranger = branch_to(both)
    assert (await stranger.ring()).status == 401


async def test_an_interval_that_the_peer_finds_too_small_is_left_out(both: Exchange) -> None:
    both.core.answer = lambda request: response_to(
        request, 422 if "Session-Expires" in request.headers else 486, to_tag="phone"
    )
    branch = branch_to(both, replace(SAID, headers=(("Session-Expires", "90"), ("Supported", "timer"))))
    assert (await branch.ring()).status == 486
    assert [("Session-Expires" in each.headers) for each in both.core.requests] == [True, False]


@pytest.mark.parametrize("order", [(401, 422), (407, 422), (422, 401)])
async def test_a_challenge_and_an_interval_that_is_too_small_are_both_answered(
    both: Exchange, order: tuple[int, int]
) -> None:
    authenticator = Authenticator("trunk.example", b"0123456789abcdef")
    header = "WWW-Authenticate" if 401 in order else "Proxy-Authenticate"

    def fault(request: Request, status: int) -> Response | None:
        if status == 422:
            return response_to(request, 422, to_tag="phone") if "Session-Expires" in request.headers else None
        if authenticator.credentials_of(request) or "Proxy-Authorization" in request.headers:
            return None
        response = response_to(request, status, to_tag="phone")
        response.headers.add(header, authenticator.challenges(0.0, algorithms=[Algorithm.MD5])[0])
        return response

    both.core.answer = lambda request: (
        fault(request, order[0]) or fault(request, order[1]) or response_to(request, 486, to_tag="phone")
    )
    said = replace(SAID, headers=(("Session-Expires", "90"), ("Supported", "timer")))
    branch = branch_to(both, said, Place(place_of(both), ("user", "word")))
    assert (await branch.ring()).status == 486


@pytest.mark.parametrize("status", [401, 422])
async def test_what_is_asked_for_again_and_again_ends_the_call(both: Exchange, status: int) -> None:
    challenge = Authenticator("trunk.example", b"0123456789abcdef").challenges(0.0, algorithms=[Algorithm.MD5])[0]

    def insists(request: Request) -> Response:
        response = response_to(request, status, to_tag="phone")
        response.headers.add("WWW-Authenticate", challenge)
        return response

    both.core.answer = insists
    assert (await branch_to(both, place=Place(place_of(both), ("user", "word"))).ring()).status == status
    assert len(both.core.requests) == 2


async def test_a_place_that_is_nowhere_is_503(both: Exchange) -> None:
    branch = branch_to(both, place=Place(Destination("nowhere.example")))
    assert (await branch.ring()).status == 503


async def test_a_place_is_found_by_its_name(both: Exchange) -> None:
    where = place_of(both)
    branch = branch_to(both, place=Place(Destination(where.host, where.port, Transport.UDP)))
    await connected(both, branch)
    branch.give_up('SIP ;cause=200 ;text="Over"')
    assert (await both.core.request("BYE")).headers.get("Reason") == 'SIP ;cause=200 ;text="Over"'


# --- within the dialog


async def test_the_peer_hangs_up(both: Exchange) -> None:
    branch = branch_to(both)
    dialog = await connected(both, branch)
    assert branch.side is not None
    over = asyncio.Event()
    branch.side.on_over = over.set
    assert (await asked(both, dialog, "BYE")).status == 200
    async with asyncio.timeout(20):
        await over.wait()
    assert branch.side.ended_by == "peer"
    assert (await asked(both, dialog, "OPTIONS")).status == 481


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("OPTIONS", b"", 200),
        ("INFO", b"Signal=5\r\n", 200),
        ("UPDATE", b"", 200),
        ("UPDATE", sdp(), 488),
        ("INVITE", sdp(), 488),
        ("REFER", b"", 501),
        ("PRACK", b"", 481),
        ("DANCE", b"", 405),
    ],
)
async def test_what_nobody_decides_on_leaves_the_call_as_it_was(
    both: Exchange, method: str, body: bytes, status: int
) -> None:
    branch = branch_to(both)
    dialog = await connected(both, branch)
    assert (await asked(both, dialog, method, body)).status == status
    assert branch.side is not None
    assert not branch.side.over
    branch.give_up()
    await both.core.request("BYE")


async def test_a_new_offer_is_accepted_and_repeated_until_its_ack(both: Exchange) -> None:
    branch = branch_to(both)
    dialog = await connected(both, branch)
    side = branch.side
    assert side is not None
    side.on_request = lambda tx, request: side.accept(tx, request, sdp(43_000))
    acked = asyncio.Event()
    side.on_ack = lambda request: acked.set()
    response = await asked(both, dialog, "INVITE", sdp())
    assert (response.status, response.body) == (200, sdp(43_000))
    assert side.invite.next_timer() is not None
    assert (await asked(both, dialog, "INVITE", sdp())).status == 500
    await both.caller.send_ack(dialog.ack(response.cseq.number), both.hop)
    async with asyncio.timeout(20):
        await acked.wait()
    assert side.invite.next_timer() is None
    assert str(side.invite.dialog.remote_target) == both.contact.strip("<>")
    branch.give_up()
    await both.core.request("BYE")


async def test_requests_out_of_order_are_refused(both: Exchange) -> None:
    branch = branch_to(both)
    dialog = await connected(both, branch)
    await asked(both, dialog, "OPTIONS")
    dialog.local_cseq = 5
    assert (await asked(both, dialog, "OPTIONS")).status == 500
    branch.give_up()
    await both.core.request("BYE")
