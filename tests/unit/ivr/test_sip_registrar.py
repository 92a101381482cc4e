"""What a REGISTER does to the bindings, with time handed in."""

from ivr.sip.message import Request, parse
from ivr.sip.registrar import BINDINGS_MAX, MAX_EXPIRES_S, Binding, register

SOURCE = "udp:192.0.2.9:5062"


def request(contacts: str, *, cseq: int = 1, call_id: str = "r1", extra: str = "") -> Request:
    message = parse(
        f"REGISTER sip:voicebox.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK1\r\n"
        f"From: <sip:1001@voicebox.example>;tag=a\r\nTo: <sip:1001@voicebox.example>\r\nCall-ID: {call_id}\r\n"
        f"CSeq: {cseq} REGISTER\r\n{contacts}{extra}Content-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def bound(uri: str = "sip:1001@192.0.2.9:5062", expires_at: float = 1000.0, cseq: int = 1) -> Binding:
    return Binding(uri, "r1", cseq, expires_at, SOURCE)


def test_a_phone_is_bound_for_the_time_it_asked() -> None:
    done = register([], request("Contact: <sip:1001@192.0.2.9:5062>;expires=600\r\n"), SOURCE, now=100.0)
    assert done.response.status == 200
    assert done.response.headers.all("Contact") == ["<sip:1001@192.0.2.9:5062>;expires=600"]
    assert done.bindings == (bound(expires_at=700.0),)
    assert done.changed


def test_expires_header_counts_where_the_contact_has_none_and_an_hour_where_both_are_missing() -> None:
    contact = "Contact: <sip:1001@192.0.2.9>\r\n"
    by_header = register([], request(contact, extra="Expires: 300\r\n"), SOURCE, 0.0)
    assert by_header.bindings[0].expires_at == 300.0
    assert register([], request(contact), SOURCE, 0.0).bindings[0].expires_at == 3600.0
    long = register([], request(contact, extra="Expires: 4294967295\r\n"), SOURCE, 0.0)
    assert long.bindings[0].expires_at == MAX_EXPIRES_S


def test_too_short_an_interval_names_the_least_one() -> None:
    done = register([bound()], request("Contact: <sip:1001@192.0.2.9>;expires=5\r\n", call_id="x"), SOURCE, 0.0)
    assert done.response.status == 423
    assert done.response.headers.get("Min-Expires") == "60"
    assert done.bindings == (bound(),)
    assert not done.changed


def test_without_a_contact_it_only_asks() -> None:
    done = register([bound()], request("", cseq=2), SOURCE, 400.0)
    assert done.response.headers.all("Contact") == ["<sip:1001@192.0.2.9:5062>;expires=600"]
    assert not done.changed


def test_a_refresh_replaces_its_binding_and_keeps_the_others() -> None:
    other = bound("sip:1001@192.0.2.10:5060")
    contact = "Contact: <sip:1001@192.0.2.9:5062>\r\n"
    done = register([bound(), other], request(contact, cseq=2), SOURCE, 10.0)
    assert {(binding.contact, binding.expires_at) for binding in done.bindings} == {
        ("sip:1001@192.0.2.9:5062", 3610.0),
        ("sip:1001@192.0.2.10:5060", 1000.0),
    }


def test_an_old_or_repeated_cseq_of_the_same_call_id_changes_nothing() -> None:
    contact = "Contact: <sip:1001@192.0.2.9:5062>;expires=0\r\n"
    done = register([bound(cseq=5)], request(contact, cseq=5), SOURCE, 10.0)
    assert done.response.status == 500
    assert done.bindings == (bound(cseq=5),)
    assert register([bound(cseq=5)], request(contact, cseq=1, call_id="new"), SOURCE, 10.0).bindings == ()


def test_star_removes_all_but_only_with_expires_0() -> None:
    current = [bound(), bound("sip:1001@192.0.2.10")]
    assert register(current, request("Contact: *\r\n", cseq=9, extra="Expires: 0\r\n"), SOURCE, 1.0).bindings == ()
    refused = register(current, request("Contact: *\r\n", cseq=9), SOURCE, 1.0)
    assert refused.response.status == 400
    assert refused.bindings == tuple(current)


def test_expired_bindings_are_gone() -> None:
    done = register([bound(expires_at=5.0)], request("", cseq=2), SOURCE, 6.0)
    assert done.bindings == ()
    assert done.changed


def test_one_number_keeps_its_newest_phones_within_the_bound() -> None:
    current = [bound(f"sip:1001@192.0.2.{i}") for i in range(BINDINGS_MAX)]
    done = register(current, request("Contact: <sip:1001@192.0.2.200>\r\n", call_id="n"), SOURCE, 1.0)
    assert len(done.bindings) == BINDINGS_MAX
    assert done.bindings[-1].contact == "sip:1001@192.0.2.200"
    assert "sip:1001@192.0.2.0" not in {binding.contact for binding in done.bindings}


def test_what_is_too_long_to_be_stored_is_refused() -> None:
    contact = f"Contact: <sip:1001@192.0.2.9;x={'y' * 500}>\r\n"
    assert register([bound()], request(contact, call_id="n"), SOURCE, 1.0).response.status == 400
    done = register([bound()], request("Contact: <sip:1001@192.0.2.9>\r\n", call_id="c" * 257), SOURCE, 1.0)
    assert done.response.status == 400
    assert done.bindings == (bound(),)
