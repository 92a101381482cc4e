"""Dialogs, the called side of an INVITE, and session timers, with time handed in."""

import pytest

from ivr.sip.dialog import Dialog
from ivr.sip.errors import ParseError
from ivr.sip.invite import GIVE_UP_S, Due, InviteServer
from ivr.sip.message import Request, Response, parse
from ivr.sip.session_timer import IntervalTooSmall, SessionTimer, negotiate

INVITE = """\
INVITE sip:1001@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa1
Max-Forwards: 70
Record-Route: <sip:edge.example;lr>
Record-Route: <sip:core.example;lr>
From: "Caller" <sip:+4915112345@example.org>;tag=caller
To: <sip:1001@example.org>
Call-ID: c1@example
CSeq: 7 INVITE
Contact: <sip:caller@192.0.2.9:5062>
{extra}Content-Length: 0

"""


def invite(extra: str = "") -> Request:
    message = parse(INVITE.format(extra=extra).replace("\n", "\r\n").encode())
    assert isinstance(message, Request)
    return message


def in_dialog(server: InviteServer, method: str, number: int, extra: str = "") -> Request:
    text = INVITE.format(extra=extra).replace("INVITE", method).replace("CSeq: 7", f"CSeq: {number}")
    text = text.replace("<sip:1001@example.org>", f"<sip:1001@example.org>;tag={server.dialog.local_tag}")
    message = parse(text.replace("\n", "\r\n").encode())
    assert isinstance(message, Request)
    return message


def server(extra: str = "") -> InviteServer:
    return InviteServer(invite(extra), "<sip:192.0.2.1:5060>")


def test_dialog_of_server_turns_the_invite_round() -> None:
    dialog = server().dialog
    bye = dialog.request("BYE")
    assert str(bye.uri) == "sip:caller@192.0.2.9:5062"
    assert bye.headers.all("Route") == ["<sip:edge.example;lr>", "<sip:core.example;lr>"]
    assert bye.to.tag == "caller"
    assert bye.from_.tag == dialog.local_tag
    assert (bye.cseq.number, bye.cseq.method) == (1, "BYE")
    assert dialog.request("UPDATE").cseq.number == 2
    assert dialog.id == ("c1@example", dialog.local_tag, "caller")


def test_dialog_behind_a_strict_router_moves_the_target_to_the_routes() -> None:
    dialog = server().dialog
    dialog.route_set = ("<sip:old.example>", "<sip:core.example;lr>")
    bye = dialog.request("BYE")
    assert str(bye.uri) == "sip:old.example"
    assert bye.headers.all("Route") == ["<sip:core.example;lr>", "<sip:caller@192.0.2.9:5062>"]


def test_a_record_route_that_leads_nowhere_is_refused_before_there_is_a_dialog() -> None:
    broken = invite()
    broken.headers.add("Record-Route", "nonsense")
    with pytest.raises(ParseError):
        Dialog.of_server(broken, "tag", "")


def test_lr_in_a_parameters_value_is_no_loose_route() -> None:
    dialog = server().dialog
    dialog.route_set = ("Proxy <sip:old.example;x=;lrx>",)
    assert str(dialog.request("BYE").uri).startswith("sip:old.example")


def test_dialog_of_client_reverses_the_record_route_and_takes_the_contact() -> None:
    request = invite()
    response = parse(
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa1\r\nRecord-Route: <sip:edge.example;lr>\r\n"
        b"Record-Route: <sip:core.example;lr>\r\nFrom: <sip:a@example.org>;tag=caller\r\n"
        b"To: <sip:1001@example.org>;tag=us\r\nCall-ID: c1@example\r\nCSeq: 7 INVITE\r\n"
        b"Contact: <sip:box@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
    )
    assert isinstance(response, Response)
    dialog = Dialog.of_client(request, response, "")
    assert dialog.route_set == ("<sip:core.example;lr>", "<sip:edge.example;lr>")
    ack = dialog.ack(7)
    assert str(ack.uri) == "sip:box@192.0.2.1"
    assert (ack.cseq.number, ack.cseq.method) == (7, "ACK")


def test_dialog_refuses_a_lower_cseq_but_takes_a_gap() -> None:
    call = server()
    assert call.dialog.receive(in_dialog(call, "BYE", 9))
    assert not call.dialog.receive(in_dialog(call, "INFO", 8))
    assert call.dialog.receive(in_dialog(call, "ACK", 7))


def test_reinvite_with_a_new_contact_moves_the_target() -> None:
    call = server()
    moved = in_dialog(call, "INVITE", 8)
    moved.headers.set("Contact", "<sip:moved@192.0.2.77>")
    call.dialog.receive(moved)
    assert str(call.dialog.request("BYE").uri) == "sip:moved@192.0.2.77"


def test_2xx_is_repeated_at_doubling_intervals_until_the_ack() -> None:
    call = server()
    answer = call.answer(call.request, b"v=0\r\n", now=0.0)
    sent_at = []
    now = 0.0
    while now < 10.0:
        due_at = call.next_timer()
        assert due_at is not None
        now = due_at
        again, due = call.handle_timer(now)
        assert again == [answer]
        assert due == []
        sent_at.append(now)
    assert sent_at == [0.5, 1.5, 3.5, 7.5, 11.5]
    assert call.ack(in_dialog(call, "ACK", 7))
    assert call.next_timer() is None
    assert not call.ack(in_dialog(call, "ACK", 7))


def test_2xx_without_an_ack_ends_the_session_after_64_t1() -> None:
    call = server()
    call.answer(call.request, b"", now=0.0)
    again, due = call.handle_timer(GIVE_UP_S)
    assert (again, due) == ([], [Due.NO_ACK])
    assert call.next_timer() is None


def test_answer_carries_tag_contact_and_abilities() -> None:
    call = server()
    answer = call.answer(call.request, b"v=0\r\n", now=0.0)
    assert answer.to.tag == call.dialog.local_tag
    assert answer.headers.get("Contact") == "<sip:192.0.2.1:5060>"
    assert "UPDATE" in (answer.headers.get("Allow") or "")
    assert "timer" in (answer.headers.get("Supported") or "")
    assert answer.content_type == "application/sdp"


def test_required_100rel_repeats_the_180_until_its_prack() -> None:
    call = server("Require: 100rel\n")
    ringing = call.ringing(now=0.0)
    rseq = ringing.headers.get("RSeq")
    assert ringing.headers.get("Require") == "100rel"
    assert call.handle_timer(0.5) == ([ringing], [])
    wrong = in_dialog(call, "PRACK", 8, extra=f"RAck: {int(rseq or 0) + 1} 7 INVITE\n")
    assert call.prack(wrong).status == 481
    right = in_dialog(call, "PRACK", 8)
    right.headers.add("RAck", f"{rseq} 7 INVITE")
    assert call.prack(right).status == 200
    assert call.next_timer() is None
    assert call.prack(right).status == 481


def test_a_reliable_180_without_prack_is_given_up() -> None:
    call = server("Require: 100rel\n")
    call.ringing(now=0.0)
    assert call.handle_timer(GIVE_UP_S) == ([], [Due.NO_PRACK])


def test_ringing_is_plain_when_nothing_is_required() -> None:
    call = server("Supported: 100rel\n")
    assert call.ringing(now=0.0).headers.get("RSeq") is None
    assert call.next_timer() is None


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("", None),
        ("Supported: timer\n", None),
        ("Session-Expires: 1800\nSupported: timer\n", SessionTimer(1800, we_refresh=False)),
        ("x: 600;refresher=uac\nk: timer\n", SessionTimer(600, we_refresh=False)),
        ("Session-Expires: 600;refresher=uas\nSupported: timer\n", SessionTimer(600, we_refresh=True)),
        ("Session-Expires: 1800\n", SessionTimer(1800, we_refresh=True, peer_supports=False)),
        ("Session-Expires: 30\n", SessionTimer(90, we_refresh=True, peer_supports=False)),
        ("Session-Expires: soon\nSupported: timer\n", None),
    ],
)
def test_session_timer_is_negotiated(extra: str, expected: SessionTimer | None) -> None:
    assert negotiate(invite(extra)) == expected


def test_session_timer_below_90_s_is_too_small() -> None:
    with pytest.raises(IntervalTooSmall):
        negotiate(invite("Session-Expires: 89\nSupported: timer\n"))


def test_a_peer_that_refreshes_late_is_given_up_before_the_interval_ends() -> None:
    call = server()
    answer = call.answer(call.request, b"", 0.0, SessionTimer(90, we_refresh=False))
    assert answer.headers.get("Session-Expires") == "90;refresher=uac"
    assert answer.headers.get("Require") == "timer"
    call.ack(in_dialog(call, "ACK", 7))
    assert call.next_timer() == 60.0
    call.refreshed(now=50.0)
    assert call.handle_timer(60.0) == ([], [])
    assert call.handle_timer(110.0) == ([], [Due.EXPIRED])


def test_our_own_refresh_is_due_at_half_time_and_the_session_ends_without_it() -> None:
    call = server()
    call.answer(call.request, b"", 0.0, SessionTimer(100, we_refresh=True))
    call.ack(in_dialog(call, "ACK", 7))
    assert call.handle_timer(50.0) == ([], [Due.REFRESH])
    assert call.handle_timer(100.0) == ([], [Due.EXPIRED])


def test_bye_stops_every_timer_and_tells_why() -> None:
    call = server()
    call.answer(call.request, b"", 0.0, SessionTimer(100, we_refresh=True))
    bye = call.bye('SIP ;cause=200 ;text="done"')
    assert bye.headers.get("Reason") == 'SIP ;cause=200 ;text="done"'
    assert call.next_timer() is None
    assert call.ended


def test_a_refused_reinvite_leaves_the_call() -> None:
    call = server()
    call.answer(call.request, b"", 0.0)
    call.ack(in_dialog(call, "ACK", 7))
    assert call.refuse(in_dialog(call, "INVITE", 8), 488).status == 488
    assert not call.ended


def test_a_prack_that_comes_after_the_200_is_taken() -> None:
    call = server("Require: 100rel\n")
    rseq = call.ringing(now=0.0).headers.get("RSeq")
    call.answer(call.request, b"", 0.1)
    late = in_dialog(call, "PRACK", 8)
    late.headers.add("RAck", f"{rseq} 7 INVITE")
    assert call.prack(late).status == 200
    assert call.prack(late).status == 481
