"""Client transactions by scripted time: RFC 3261 sections 9.1, 17.1.1 and 17.1.2, RFC 6026 section 7.2."""

import pytest

from ivr.sip.hops import Address, Hop, Source, Transport
from ivr.sip.layer import Overloaded, TransactionLayer
from ivr.sip.limits import Limits
from ivr.sip.machines import State
from ivr.sip.message import Request, Response, parse, response_to
from ivr.sip.transaction import ClientTransaction, Output, ResponseReceived, Send, TimedOut, TransportFailed

UDP = Hop(Transport.UDP, "192.0.2.1", 5060)
TCP = Hop(Transport.TCP, "192.0.2.1", 5060)
THERE = Source(Transport.UDP, "192.0.2.1", 5060, Address("192.0.2.9", 5060))


def request(method: str, branch: str = "z9hG4bKours") -> Request:
    read = parse(
        f"{method} sip:200@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch={branch};rport\r\n"
        "Max-Forwards: 69\r\nRoute: <sip:192.0.2.1;lr>\r\nRoute: <sip:p2.example;lr>\r\n"
        "From: <sip:100@192.0.2.9>;tag=f\r\nTo: <sip:200@192.0.2.1>\r\nCall-ID: c1\r\n"
        f"CSeq: 7 {method}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(read, Request)
    return read


def ended(tx: ClientTransaction) -> bool:
    return tx.over  # behind a call, so that mypy does not remember it


def taken(layer: TransactionLayer) -> list[Output]:
    outputs = []
    while (output := layer.take()) is not None:
        outputs.append(output)
    return outputs


def sent(layer: TransactionLayer) -> list[Request]:
    """Return the requests put out; nothing else may have been."""
    requests = []
    for output in taken(layer):
        assert isinstance(output, Send)
        read = parse(output.data)
        assert isinstance(read, Request)
        requests.append(read)
    return requests


def begun(layer: TransactionLayer, method: str, hop: Hop = UDP) -> ClientTransaction:
    tx = layer.request(request(method), hop, 0.0)
    assert [each.method for each in sent(layer)] == [method]
    return tx


def hear(layer: TransactionLayer, tx: ClientTransaction, status: int, now: float = 0.1, tag: str = "t") -> Response:
    response = response_to(tx.request, status, to_tag=tag)
    layer.receive(response, THERE, now)
    return response


def run_until(layer: TransactionLayer, end: float) -> list[tuple[float, str]]:
    seen = []
    while (due := layer.next_timer()) is not None and due <= end:
        layer.handle_timer(due)
        for output in taken(layer):
            what = parse(output.data) if isinstance(output, Send) else None
            seen.append((due, what.method if isinstance(what, Request) else type(output).__name__))
    return seen


# INVITE


def test_timer_a_doubles_without_end_and_timer_b_gives_up() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    assert run_until(layer, 99.0) == [(at, "INVITE") for at in (0.5, 1.5, 3.5, 7.5, 15.5, 31.5)] + [(32.0, "TimedOut")]
    assert (tx.over, len(layer), layer.counters.timeouts) == (True, 0, 1)


def test_over_tcp_nothing_is_repeated_but_timer_b_gives_up() -> None:
    layer = TransactionLayer()
    begun(layer, "INVITE", TCP)
    assert run_until(layer, 99.0) == [(32.0, "TimedOut")]


def test_a_provisional_ends_the_repeating_and_ringing_has_no_end() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    ringing = [hear(layer, tx, status) for status in (100, 180, 183)]
    assert taken(layer) == [ResponseReceived(tx, each) for each in ringing]
    assert run_until(layer, 1000.0) == []
    assert tx.state is State.PROCEEDING


@pytest.mark.parametrize("before", [(), (180,)])
def test_a_refusal_is_acknowledged_each_time_and_told_once(before: tuple[int, ...]) -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    for status in before:
        hear(layer, tx, status)
    taken(layer)
    refusal = hear(layer, tx, 486, 1.0)
    output, told = taken(layer)
    assert told == ResponseReceived(tx, refusal)
    assert isinstance(output, Send)
    ack = parse(output.data)
    assert isinstance(ack, Request)
    assert (ack.method, str(ack.cseq), ack.to.tag, ack.from_.tag) == ("ACK", "7 ACK", "t", "f")
    assert ack.via == tx.request.via
    assert ack.uri == tx.request.uri
    assert ack.headers.all("Route") == ["<sip:192.0.2.1;lr>", "<sip:p2.example;lr>"]
    assert ack.max_forwards == 69
    hear(layer, tx, 486, 2.0)
    assert taken(layer) == [output]
    assert run_until(layer, 32.9) == []
    assert not ended(tx)
    run_until(layer, 33.0)
    assert ended(tx)
    hear(layer, tx, 486, 34.0)
    assert taken(layer) == []
    assert layer.counters.stray_responses == 1


def test_over_tcp_a_refusal_ends_it_at_once() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE", TCP)
    hear(layer, tx, 486)
    assert [type(each) for each in taken(layer)] == [Send, ResponseReceived]
    assert ended(tx)


@pytest.mark.parametrize("hop", [UDP, TCP])
@pytest.mark.parametrize("before", [(), (180,)])
def test_every_2xx_is_told_until_timer_m(before: tuple[int, ...], hop: Hop) -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE", hop)
    for status in before:
        hear(layer, tx, status)
    taken(layer)
    answers = [hear(layer, tx, 200, tag=tag) for tag in ("one", "one", "fork")]
    assert taken(layer) == [ResponseReceived(tx, each) for each in answers]
    for late in (180, 486):
        hear(layer, tx, late)
    assert taken(layer) == []
    assert run_until(layer, 32.0) == []
    assert tx.state is State.ACCEPTED
    run_until(layer, 32.1)
    assert ended(tx)


def test_late_provisionals_and_answers_after_a_refusal_are_absorbed() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    hear(layer, tx, 486)
    taken(layer)
    hear(layer, tx, 180)
    hear(layer, tx, 200)
    assert taken(layer) == []
    assert tx.state is State.COMPLETED


@pytest.mark.parametrize("statuses", [(), (180,), (486,)])
def test_a_transport_error_ends_an_invite(statuses: tuple[int, ...]) -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    for status in statuses:
        hear(layer, tx, status)
    taken(layer)
    layer.transport_failed(tx, 0.2)
    assert taken(layer) == [TransportFailed(tx)]
    assert (tx.over, layer.counters.transport_failures) == (True, 1)


def test_a_lost_connection_fails_what_waits_on_it_and_spares_the_rest() -> None:
    layer = TransactionLayer()
    lost = begun(layer, "INVITE", TCP)
    answered = layer.request(request("INVITE", "z9hG4bKanswered"), TCP, 0.0)
    hear(layer, answered, 200)
    other = layer.request(request("OPTIONS", "z9hG4bKudp"), UDP, 0.0)
    taken(layer)
    layer.hop_lost(TCP, 0.1)
    assert taken(layer) == [TransportFailed(lost)]
    assert (lost.over, answered.over, other.over) == (True, False, False)


# Everything else


def test_timer_e_doubles_up_to_t2_and_timer_f_gives_up() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "OPTIONS")
    times = (0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5)
    assert run_until(layer, 99.0) == [(at, "OPTIONS") for at in times] + [(32.0, "TimedOut")]
    assert ended(tx)


def test_a_provisional_slows_the_repeating_to_t2_and_timer_f_still_gives_up() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "OPTIONS")
    told = hear(layer, tx, 100, 0.1)
    assert taken(layer) == [ResponseReceived(tx, told)]
    assert run_until(layer, 99.0) == [(at, "OPTIONS") for at in (0.5, 4.5, 8.5, 12.5, 16.5, 20.5, 24.5, 28.5)] + [
        (32.0, "TimedOut")
    ]


@pytest.mark.parametrize("status", [200, 500])
def test_provisionals_then_a_final_response_are_all_told(status: int) -> None:
    layer = TransactionLayer()
    tx = begun(layer, "OPTIONS")
    told = [ResponseReceived(tx, hear(layer, tx, each)) for each in (100, 183, status)]
    assert taken(layer) == told
    assert run_until(layer, 5.1) == []
    assert ended(tx)


def test_over_tcp_only_timer_f_is_left() -> None:
    layer = TransactionLayer()
    begun(layer, "OPTIONS", TCP)
    assert run_until(layer, 99.0) == [(32.0, "TimedOut")]


@pytest.mark.parametrize("status", [200, 302, 404, 503, 603])
def test_a_final_response_is_told_once_and_timer_k_absorbs_the_rest(status: int) -> None:
    layer = TransactionLayer()
    tx = begun(layer, "OPTIONS")
    told = hear(layer, tx, status)
    hear(layer, tx, status)
    hear(layer, tx, 100)
    layer.transport_failed(tx, 0.2)
    assert taken(layer) == [ResponseReceived(tx, told)]
    assert run_until(layer, 5.0) == []
    assert not ended(tx)
    run_until(layer, 5.1)
    assert ended(tx)


def test_over_tcp_a_final_response_ends_it_at_once() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "OPTIONS", TCP)
    hear(layer, tx, 200)
    assert ended(tx)
    assert layer.next_timer() is None


@pytest.mark.parametrize("statuses", [(), (100,)])
def test_a_transport_error_ends_a_request(statuses: tuple[int, ...]) -> None:
    layer = TransactionLayer()
    tx = begun(layer, "OPTIONS")
    for status in statuses:
        hear(layer, tx, status)
    taken(layer)
    layer.transport_failed(tx, 0.2)
    assert taken(layer) == [TransportFailed(tx)]
    assert ended(tx)


# CANCEL


def test_cancel_waits_for_a_provisional_and_goes_the_way_of_its_invite() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    layer.cancel(tx, 0.05)
    assert taken(layer) == []
    hear(layer, tx, 100)
    told, output = taken(layer)
    assert isinstance(told, ResponseReceived)
    assert isinstance(output, Send)
    cancel = parse(output.data)
    assert isinstance(cancel, Request)
    assert (cancel.method, str(cancel.cseq), cancel.to.tag) == ("CANCEL", "7 CANCEL", None)
    assert cancel.via == tx.request.via
    assert cancel.headers.all("Route") == ["<sip:192.0.2.1;lr>", "<sip:p2.example;lr>"]
    assert output.hop == UDP
    layer.cancel(tx, 0.2)
    hear(layer, tx, 180, 0.3)
    assert [type(each) for each in taken(layer)] == [ResponseReceived]


def test_cancel_after_a_provisional_goes_at_once_and_the_487_is_told() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    hear(layer, tx, 180)
    taken(layer)
    layer.cancel(tx, 0.2)
    (cancel,) = sent(layer)
    layer.receive(response_to(cancel, 200), THERE, 0.3)
    hear(layer, tx, 487, 0.4)
    kinds = [type(each) for each in taken(layer)]
    assert kinds == [ResponseReceived, Send, ResponseReceived]
    run_until(layer, 100.0)
    assert len(layer) == 0


def test_an_invite_whose_cancel_has_no_effect_is_given_up() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    hear(layer, tx, 180)
    taken(layer)
    layer.cancel(tx, 1.0)
    seen = run_until(layer, 100.0)
    assert [what for _, what in seen if what != "CANCEL"] == ["TimedOut", "TimedOut"]
    assert seen[-1][0] == 33.0
    assert ended(tx)


def test_a_call_answered_before_any_provisional_is_not_cancelled() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    layer.cancel(tx, 0.0)
    hear(layer, tx, 200)
    assert [type(each) for each in taken(layer)] == [ResponseReceived]
    layer.cancel(tx, 0.2)
    assert taken(layer) == []


def test_only_invites_are_cancelled() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "OPTIONS")
    hear(layer, tx, 100)
    taken(layer)
    layer.cancel(tx, 0.2)
    assert taken(layer) == []


# Bounds and misuse


@pytest.mark.parametrize("method", ["ACK", "CANCEL"])
def test_ack_and_cancel_are_not_started_by_themselves(method: str) -> None:
    with pytest.raises(ValueError, match=method):
        TransactionLayer().request(request(method), UDP, 0.0)


def test_a_branch_serves_once() -> None:
    layer = TransactionLayer()
    begun(layer, "OPTIONS")
    with pytest.raises(ValueError, match="branch"):
        layer.request(request("OPTIONS"), UDP, 0.0)


def test_a_full_layer_takes_no_request_of_ours() -> None:
    layer = TransactionLayer(limits=Limits(transactions=1))
    begun(layer, "OPTIONS")
    with pytest.raises(Overloaded):
        layer.request(request("OPTIONS", "z9hG4bKmore"), UDP, 0.0)


def test_a_response_to_nothing_is_dropped_and_counted() -> None:
    layer = TransactionLayer()
    layer.receive(response_to(request("INVITE"), 200), THERE, 0.0)
    assert taken(layer) == []
    assert layer.counters.stray_responses == 1


def test_a_response_with_the_branch_of_another_method_is_not_ours() -> None:
    layer = TransactionLayer()
    begun(layer, "INVITE")
    layer.receive(response_to(request("BYE"), 200), THERE, 0.0)
    assert taken(layer) == []


def test_time_outs_are_told_in_order_when_the_loop_was_late() -> None:
    layer = TransactionLayer()
    tx = begun(layer, "INVITE")
    layer.handle_timer(50.0)
    outputs = taken(layer)
    assert isinstance(outputs[-1], TimedOut)
    assert ended(tx)
    assert layer.next_timer() is None
