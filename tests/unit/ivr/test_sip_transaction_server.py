"""Server transactions by scripted time: RFC 3261 sections 17.2.1 and 17.2.2, RFC 6026 section 7.1."""

import pytest

from ivr.sip.hops import Address, Source, Transport
from ivr.sip.layer import TransactionLayer
from ivr.sip.limits import Limits
from ivr.sip.machines import IllegalEvent, State
from ivr.sip.message import Request, Response, parse, response_to
from ivr.sip.transaction import (
    AckReceived,
    Cancelled,
    Output,
    RequestReceived,
    Send,
    ServerTransaction,
    TimedOut,
    TransportFailed,
)

HERE = Address("127.0.0.1", 5060)
UDP = Source(Transport.UDP, "192.0.2.1", 5070, HERE)
TCP = Source(Transport.TCP, "192.0.2.1", 40000, HERE)


def message(
    method: str, *, branch: str = "z9hG4bKa", cseq: int = 1, to: str = "", call_id: str = "c1", from_tag: str = ";tag=f"
) -> Request:
    read = parse(
        f"{method} sip:100@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5070;branch={branch}\r\n"
        f"From: <sip:bob@192.0.2.1>{from_tag}\r\nTo: <sip:100@192.0.2.9>{to}\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(read, Request)
    return read


def ended(tx: ServerTransaction) -> bool:
    return tx.over  # behind a call, so that mypy does not remember it


def taken(layer: TransactionLayer) -> list[Output]:
    outputs = []
    while (output := layer.take()) is not None:
        outputs.append(output)
    return outputs


def sent(layer: TransactionLayer) -> list[int]:
    """Return the statuses of the responses put out; nothing else may have been."""
    statuses = []
    for output in taken(layer):
        assert isinstance(output, Send)
        response = parse(output.data)
        assert isinstance(response, Response)
        statuses.append(response.status)
    return statuses


def begun(layer: TransactionLayer, request: Request, source: Source = UDP, now: float = 0.0) -> ServerTransaction:
    layer.receive(request, source, now)
    (told,) = taken(layer)
    assert isinstance(told, RequestReceived)
    return told.transaction


def answer(layer: TransactionLayer, tx: ServerTransaction, status: int, now: float = 0.0) -> None:
    layer.respond(tx, response_to(tx.request, status), now)


def run_until(layer: TransactionLayer, end: float) -> list[tuple[float, int | type]]:
    """Let time pass up to `end`; return when what was put out: statuses of responses, types of events."""
    seen: list[tuple[float, int | type]] = []
    while (due := layer.next_timer()) is not None and due <= end:
        layer.handle_timer(due)
        for output in taken(layer):
            if isinstance(output, Send):
                response = parse(output.data)
                assert isinstance(response, Response)
                seen.append((due, response.status))
            else:
                seen.append((due, type(output)))
    return seen


# INVITE


def test_a_repeated_invite_gets_the_last_provisional_and_none_before_there_is_one() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    layer.receive(message("INVITE"), UDP, 0.1)
    assert sent(layer) == []
    for status in (100, 180):
        answer(layer, tx, status)
        layer.receive(message("INVITE"), UDP, 0.2)
        assert sent(layer) == [status, status]
    assert (tx.state, layer.counters.absorbed, layer.counters.retransmitted) == (State.PROCEEDING, 3, 2)


def test_timer_g_repeats_a_refusal_ever_more_slowly_and_timer_h_gives_up_quietly() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    answer(layer, tx, 486, 1.0)
    assert sent(layer) == [486]
    seen = run_until(layer, 100.0)
    assert seen == [(1.0 + at, 486) for at in (0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)] + [
        (33.0, TimedOut)
    ]
    assert ended(tx)
    assert (len(layer), layer.half_open, layer.counters.unacknowledged) == (0, 0, 1)
    assert layer.next_timer() is None


def test_an_ack_ends_the_repeating_and_timer_i_the_transaction() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    answer(layer, tx, 486)
    layer.receive(message("ACK", to=";tag=x"), UDP, 0.2)
    layer.receive(message("ACK", to=";tag=x"), UDP, 0.3)
    layer.receive(message("INVITE"), UDP, 0.3)
    layer.transport_failed(tx, 0.4)
    assert sent(layer) == [486]
    assert tx.state is State.CONFIRMED
    assert run_until(layer, 5.1) == []
    assert not ended(tx)
    assert run_until(layer, 5.2) == []
    assert ended(tx)
    layer.receive(message("ACK", to=";tag=x"), UDP, 6.0)
    assert isinstance(taken(layer)[0], AckReceived)


def test_a_repeated_invite_gets_the_refusal_again() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    answer(layer, tx, 486)
    layer.receive(message("INVITE"), UDP, 0.1)
    assert sent(layer) == [486, 486]


def test_over_tcp_a_refusal_is_not_repeated_and_its_ack_ends_all() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"), TCP)
    answer(layer, tx, 486)
    assert sent(layer) == [486]
    assert run_until(layer, 31.9) == []
    layer.receive(message("ACK"), TCP, 31.9)
    assert ended(tx)


def test_over_tcp_too_timer_h_gives_up() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"), TCP)
    answer(layer, tx, 486)
    assert sent(layer) == [486]
    assert run_until(layer, 32.0) == [(32.0, TimedOut)]
    assert ended(tx)


@pytest.mark.parametrize("source", [UDP, TCP])
def test_after_a_2xx_invites_are_absorbed_acks_passed_on_and_timer_l_ends_it(source: Source) -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"), source)
    answer(layer, tx, 200)
    answer(layer, tx, 200, 0.5)  # by the session, whose ACK has not come
    assert sent(layer) == [200, 200]
    layer.receive(message("INVITE"), source, 0.6)
    assert taken(layer) == []
    for branch in ("z9hG4bKa", "z9hG4bKnew"):
        ack = message("ACK", branch=branch, to=";tag=x")
        layer.receive(ack, source, 0.7)
        assert taken(layer) == [AckReceived(ack, source)]
        assert layer.invite_of(ack) is tx
    assert run_until(layer, 31.9) == []
    assert not ended(tx)
    assert run_until(layer, 32.0) == []
    assert ended(tx)


def test_a_transport_error_leaves_an_invite_where_it_is_and_is_told() -> None:
    for status, state in ((180, State.PROCEEDING), (200, State.ACCEPTED), (486, State.COMPLETED)):
        layer = TransactionLayer()
        tx = begun(layer, message("INVITE"))
        answer(layer, tx, status)
        taken(layer)
        layer.transport_failed(tx, 0.1)
        assert taken(layer) == [TransportFailed(tx)]
        assert tx.state is state


@pytest.mark.parametrize(("first", "second"), [(486, 200), (486, 180), (486, 486), (200, 486), (200, 180)])
def test_a_second_final_response_to_an_invite_is_illegal(first: int, second: int) -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    answer(layer, tx, first)
    with pytest.raises(IllegalEvent, match="INVITE server"):
        answer(layer, tx, second)
    assert sent(layer) == [first]


# Everything else


def test_a_request_is_absorbed_until_answered_and_then_answered_again_until_timer_j() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("BYE"))
    layer.receive(message("BYE"), UDP, 0.5)
    assert taken(layer) == []
    answer(layer, tx, 100, 0.6)
    layer.receive(message("BYE"), UDP, 0.7)
    assert sent(layer) == [100, 100]
    answer(layer, tx, 200, 1.0)
    layer.receive(message("BYE"), UDP, 32.9)
    assert sent(layer) == [200, 200]
    assert run_until(layer, 32.9) == []
    assert not ended(tx)
    assert run_until(layer, 33.0) == []
    assert ended(tx)


def test_over_tcp_an_answer_ends_it_at_once() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("BYE"), TCP)
    answer(layer, tx, 200)
    assert sent(layer) == [200]
    assert ended(tx)
    assert layer.next_timer() is None


def test_a_request_our_user_agent_forgets_is_given_up_when_its_sender_has() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("OPTIONS"))
    assert run_until(layer, 32.0) == [(32.0, TimedOut)]
    assert (tx.over, len(layer), layer.counters.unanswered) == (True, 0, 1)
    with pytest.raises(IllegalEvent):
        answer(layer, tx, 200, 33.0)


def test_a_second_final_response_is_illegal() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("OPTIONS"))
    answer(layer, tx, 200)
    with pytest.raises(IllegalEvent, match="non-INVITE server"):
        answer(layer, tx, 500)


def test_a_transport_error_ends_a_request_that_was_answered() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("OPTIONS"))
    layer.transport_failed(tx, 0.0)
    assert not ended(tx)
    answer(layer, tx, 200)
    taken(layer)
    layer.transport_failed(tx, 0.1)
    assert taken(layer) == [TransportFailed(tx)]
    assert ended(tx)
    layer.transport_failed(tx, 0.2)
    assert taken(layer) == []


@pytest.mark.parametrize("final", [200, 404])
def test_after_provisionals_a_request_is_answered_refused_or_given_up_like_any(final: int) -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("REFER"))
    for status in (100, 180, final):
        answer(layer, tx, status)
    assert sent(layer) == [100, 180, final]
    forgotten = begun(layer, message("REFER", cseq=2))
    answer(layer, forgotten, 100)
    assert sent(layer) == [100]
    layer.refuse(forgotten, response_to(forgotten.request, 403), 0.1)
    assert sent(layer) == [403]
    slow = begun(layer, message("REFER", cseq=3))
    answer(layer, slow, 100)
    assert sent(layer) == [100]
    failing = begun(layer, message("REFER", cseq=4))
    answer(layer, failing, 100)
    assert sent(layer) == [100]
    layer.transport_failed(failing, 0.1)
    assert taken(layer) == [TransportFailed(failing)]
    assert ended(failing)
    assert run_until(layer, 32.0) == [(32.0, TimedOut)]
    assert ended(slow)


@pytest.mark.parametrize("method", ["INVITE", "REGISTER"])
def test_refusing_sends_once_and_keeps_nothing(method: str) -> None:
    layer = TransactionLayer()
    tx = begun(layer, message(method))
    layer.refuse(tx, response_to(tx.request, 401), 0.0)
    assert sent(layer) == [401]
    assert (len(layer), layer.half_open, layer.next_timer()) == (0, 0, None)
    assert begun(layer, message(method)) is not tx
    with pytest.raises(IllegalEvent):
        layer.refuse(tx, response_to(tx.request, 401), 0.0)


# Which message belongs to which


def test_branch_sent_by_number_and_method_tell_requests_apart() -> None:
    layer = TransactionLayer()
    seen = [
        begun(layer, message("OPTIONS")),
        begun(layer, message("REGISTER")),
        begun(layer, message("OPTIONS", branch="z9hG4bKb")),
        begun(layer, message("OPTIONS", cseq=2)),
    ]
    assert len(set(map(id, seen))) == 4


def test_without_the_magic_cookie_call_id_tag_number_and_via_are_compared() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE", branch="1"))
    layer.receive(message("INVITE", branch="1"), UDP, 0.1)
    assert taken(layer) == []
    begun(layer, message("INVITE", branch="1", call_id="c2"))
    begun(layer, message("INVITE", branch="1", from_tag=";tag=g"))
    answer(layer, tx, 486)
    layer.receive(message("ACK", branch="1", to=";tag=x"), UDP, 0.2)
    assert sent(layer) == [486]
    assert tx.state is State.CONFIRMED


def test_pyvoip_an_ack_with_another_branch_and_a_random_to_tag_confirms_a_refusal() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    answer(layer, tx, 401)
    layer.receive(message("ACK", branch="z9hG4bKelse", to=";tag=random"), UDP, 0.1)
    assert sent(layer) == [401]
    assert tx.state is State.CONFIRMED


def test_pyvoip_the_same_branch_with_the_next_number_is_a_new_request() -> None:
    layer = TransactionLayer()
    first = begun(layer, message("INVITE"))
    answer(layer, first, 401)
    taken(layer)
    second = begun(layer, message("INVITE", cseq=2))
    assert second is not first


def test_an_invite_that_reaches_us_by_two_ways_is_482_and_its_ack_leaves_the_first_alone() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    layer.receive(message("INVITE", branch="z9hG4bKother"), UDP, 0.1)
    assert sent(layer) == [482]
    layer.receive(message("ACK", branch="z9hG4bKother", to=";tag=x"), UDP, 0.2)
    assert taken(layer) == []
    assert (tx.state, layer.counters.merged) == (State.PROCEEDING, 1)
    answer(layer, tx, 200)
    assert sent(layer) == [200]


def test_a_reinvite_is_no_merged_request() -> None:
    layer = TransactionLayer()
    answer(layer, begun(layer, message("INVITE")), 200)
    taken(layer)
    begun(layer, message("INVITE", branch="z9hG4bKre", cseq=2, to=";tag=x"))


def test_an_ack_to_nothing_is_passed_on_and_counted() -> None:
    layer = TransactionLayer()
    ack = message("ACK")
    layer.receive(ack, UDP, 0.0)
    assert taken(layer) == [AckReceived(ack, UDP)]
    assert layer.counters.stray_acks == 1


def test_an_ack_before_any_answer_is_ignored() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    layer.receive(message("ACK"), UDP, 0.0)
    assert taken(layer) == []
    assert tx.state is State.PROCEEDING


# CANCEL


def test_cancel_is_answered_200_with_the_invites_to_tag_and_told_once() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    layer.respond(tx, response_to(tx.request, 180, to_tag="ours"), 0.0)
    taken(layer)
    layer.receive(message("CANCEL"), UDP, 0.1)
    reply, told = taken(layer)
    assert isinstance(reply, Send)
    response = parse(reply.data)
    assert isinstance(response, Response)
    assert (response.status, response.cseq.method, response.to.tag) == (200, "CANCEL", "ours")
    assert told == Cancelled(tx)
    layer.receive(message("CANCEL"), UDP, 0.2)
    assert sent(layer) == [200]
    answer(layer, tx, 487, 0.3)
    assert sent(layer) == [487]


def test_cancel_of_an_answered_invite_is_answered_and_changes_nothing() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    answer(layer, tx, 200)
    taken(layer)
    layer.receive(message("CANCEL"), UDP, 0.1)
    assert sent(layer) == [200]
    assert tx.state is State.ACCEPTED


def test_cancel_of_nothing_is_481() -> None:
    layer = TransactionLayer()
    layer.receive(message("CANCEL"), UDP, 0.0)
    assert sent(layer) == [481]


def test_cancel_with_a_wrong_branch_is_found_by_call_id() -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    layer.receive(message("CANCEL", branch="z9hG4bKwrong"), UDP, 0.1)
    reply, told = taken(layer)
    assert isinstance(reply, Send)
    assert told == Cancelled(tx)


# Bounds


def test_half_open_invites_are_bounded_for_each_source_and_for_all() -> None:
    layer = TransactionLayer(limits=Limits(half_open=3, half_open_per_source=2, retry_after_s=7))
    for number in range(3):
        layer.receive(message("INVITE", branch=f"z9hG4bK{number}", call_id=f"c{number}"), UDP, 0.0)
    outputs = taken(layer)
    assert [type(each) for each in outputs] == [RequestReceived, RequestReceived, Send]
    refused = outputs[2]
    assert isinstance(refused, Send)
    response = parse(refused.data)
    assert isinstance(response, Response)
    assert (response.status, response.headers.get("Retry-After")) == (503, "7")
    other = Source(Transport.UDP, "192.0.2.2", 5060, HERE)
    third = Source(Transport.UDP, "192.0.2.3", 5060, HERE)
    begun(layer, message("INVITE", branch="z9hG4bKx", call_id="x"), other)
    layer.receive(message("INVITE", branch="z9hG4bKy", call_id="y"), third, 0.0)
    assert sent(layer) == [503]
    layer.receive(message("OPTIONS", branch="z9hG4bKz", call_id="z"), third, 0.0)
    assert isinstance(taken(layer)[0], RequestReceived)
    assert (layer.half_open, layer.counters.refused) == (3, 2)


def test_an_ipv6_network_is_one_source() -> None:
    layer = TransactionLayer(limits=Limits(half_open_per_source=1))
    statuses = []
    for number in range(2):
        source = Source(Transport.UDP, f"2001:db8::{number}", 5060, Address("::1", 5060))
        layer.receive(message("INVITE", branch=f"z9hG4bK{number}", call_id=f"c{number}"), source, 0.0)
        statuses.append(type(taken(layer)[0]))
    assert statuses == [RequestReceived, Send]


@pytest.mark.parametrize("status", [200, 486])
def test_an_answered_and_acknowledged_invite_is_half_open_no_more(status: int) -> None:
    layer = TransactionLayer()
    tx = begun(layer, message("INVITE"))
    assert layer.half_open == 1
    answer(layer, tx, status)
    layer.receive(message("ACK", to=";tag=x"), UDP, 0.1)
    assert layer.half_open == 0


def test_peers_are_exempt_from_the_bounds_for_strangers_not_from_the_last_one() -> None:
    limits = Limits(transactions=4, strangers=2, half_open=1, half_open_per_source=1)
    layer = TransactionLayer(limits=limits, trusted=lambda source: source is UDP)
    stranger = Source(Transport.UDP, "198.51.100.1", 5060, HERE)
    seen = []
    for number, source in enumerate((UDP, UDP, stranger, UDP, UDP, UDP)):
        layer.receive(message("INVITE", branch=f"z9hG4bK{number}", call_id=f"c{number}"), source, 0.0)
        seen.append(type(taken(layer)[0]))
    assert seen == [RequestReceived, RequestReceived, Send, RequestReceived, RequestReceived, Send]
    assert layer.half_open == 0


def test_a_bye_of_a_stranger_passes_where_a_new_request_does_not() -> None:
    layer = TransactionLayer(limits=Limits(transactions=3, strangers=1))
    begun(layer, message("REGISTER"))
    layer.receive(message("OPTIONS"), UDP, 0.0)
    assert sent(layer) == [503]
    begun(layer, message("BYE", to=";tag=x"))


def test_a_full_layer_refuses_a_cancel_too_but_never_an_ack() -> None:
    layer = TransactionLayer(limits=Limits(transactions=1))
    tx = begun(layer, message("INVITE"))
    layer.receive(message("CANCEL"), UDP, 0.0)
    assert sent(layer) == [503]
    answer(layer, tx, 486)
    layer.receive(message("ACK"), UDP, 0.1)
    assert tx.state is State.CONFIRMED
