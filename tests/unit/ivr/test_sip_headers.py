"""The ordered multimap of headers, its list grammar, and the values of Via and CSeq."""

import pytest
from sipmessage.message import COMPACT_FORMS

from ivr.sip.errors import ParseError
from ivr.sip.fields import CSeq, Via
from ivr.sip.grammar import number, quote, quoted_end, split_list, unquote
from ivr.sip.headers import COMPACT, KNOWN, Headers, key_of


def test_names_are_compared_without_case_and_compact_forms_known() -> None:
    headers = Headers([("v", "SIP/2.0/UDP a"), ("CALL-id", "x"), ("X-Own", "1"), ("x-OWN", "2")])
    assert headers.get("Via") == headers.get("V") == "SIP/2.0/UDP a"
    assert headers.get("i") == "x"
    assert headers.all("X-OWN") == ["1", "2"]
    assert "call-ID" in headers
    assert headers.get("Subject") is None
    assert list(headers) == [("Via", "SIP/2.0/UDP a"), ("Call-ID", "x"), ("X-Own", "1"), ("x-OWN", "2")]


def test_the_independent_parser_knows_the_same_compact_forms() -> None:
    assert {short: COMPACT[short] for short in COMPACT_FORMS} == {
        short: full.lower() for short, full in COMPACT_FORMS.items()
    }


def test_every_compact_form_has_a_long_one() -> None:
    long_names = {name.lower() for name in KNOWN}
    assert set(COMPACT.values()) - long_names <= {"identity", "identity-info"}
    assert all(key_of(short) == key_of(full) for short, full in COMPACT.items())


def test_lists_are_split_outside_of_quotes_and_brackets() -> None:
    headers = Headers(
        [
            ("Contact", '"Last, First" <sip:a@b;x="1,2">;q=0.7, <sip:c@d?Subject=a,b>'),
            ("m", "sip:e@f"),
            ("Diversion", "<sip:1@h>;reason=no-answer,<sip:2@h>"),
            ("Supported", "100rel,, timer ,"),
        ]
    )
    assert headers.all("Contact") == ['"Last, First" <sip:a@b;x="1,2">;q=0.7', "<sip:c@d?Subject=a,b>", "sip:e@f"]
    assert headers.all("Diversion") == ["<sip:1@h>;reason=no-answer", "<sip:2@h>"]
    assert headers.all("Supported") == ["100rel", "timer"]


def test_commas_that_separate_nothing_are_left_alone() -> None:
    headers = Headers([("Date", "Sat, 13 Nov 2010 23:29:00 GMT"), ("WWW-Authenticate", 'Digest realm="a", nonce="b"')])
    assert headers.all("Date") == ["Sat, 13 Nov 2010 23:29:00 GMT"]
    assert headers.all("WWW-Authenticate") == ['Digest realm="a", nonce="b"']


def test_prepend_goes_before_the_first_of_its_name() -> None:
    headers = Headers([("To", "t"), ("Via", "1"), ("Via", "2")])
    headers.prepend("Via", "0")
    headers.prepend("Route", "r")
    assert list(headers) == [("Route", "r"), ("To", "t"), ("Via", "0"), ("Via", "1"), ("Via", "2")]


def test_set_replaces_all_in_the_place_of_the_first() -> None:
    headers = Headers([("X-A", "1"), ("X-B", "2"), ("x-a", "3"), ("X-C", "4")])
    headers.set("x-a", "9")
    headers.set("X-D", "5")
    assert list(headers) == [("x-a", "9"), ("X-B", "2"), ("X-C", "4"), ("X-D", "5")]
    headers.remove("x-a")
    headers.remove("nothing")
    assert len(headers) == 3


def test_the_first_element_can_be_popped_and_replaced() -> None:
    headers = Headers([("Route", "<sip:a;lr>, <sip:b;lr>"), ("Route", "<sip:c;lr>")])
    assert headers.pop_first("Route") == "<sip:a;lr>"
    headers.replace_first("Route", "<sip:x;lr>")
    assert headers.all("Route") == ["<sip:x;lr>", "<sip:c;lr>"]
    assert headers.pop_first("Path") is None


def test_a_copy_is_independent() -> None:
    headers = Headers([("A", "1")])
    twin = headers.copy()
    twin.add("B", "2")
    assert "B" not in headers
    assert twin != headers
    assert headers == Headers([("a", "1")])


@pytest.mark.parametrize(("name", "value"), [("A", "x\r\nB: y"), ("A", "x\ny"), ("A\r", "x"), ("", "x")])
def test_no_value_can_smuggle_in_a_header(name: str, value: str) -> None:
    headers = Headers()
    for change in (headers.add, headers.set, headers.prepend, headers.replace_first):
        with pytest.raises(ValueError, match="line break"):
            change(name, value)
    assert len(headers) == 0


def test_a_repr_shows_no_values() -> None:
    assert repr(Headers([("Authorization", "Digest secret")])) == "Headers(Authorization)"


def test_a_reading_is_kept_until_the_headers_change() -> None:
    headers = Headers([("Expires", "60")])
    calls: list[str] = []

    def reader(text: str) -> int:
        calls.append(text)
        return int(text)

    assert [headers.read("Expires", reader) for _ in range(3)] == [60, 60, 60]
    assert calls == ["60"]
    headers.set("Expires", "0")
    assert headers.read("Expires", reader) == 0
    assert headers.read("Min-SE", reader) is None


@pytest.mark.parametrize(
    ("text", "transport", "host", "port", "branch"),
    [
        ("SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7", "UDP", "erlang.bell-telephone.com", 5060,
         "z9hG4bK87asdks7"),
        ("sip/2.0/udp 10.0.0.1;rport;branch=z9hG4bK1", "UDP", "10.0.0.1", None, "z9hG4bK1"),
        ("SIP / 2.0 / TLS first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1", "TLS",
         "first.example.com", 4000, "z9hG4bKa7c6a8dlze.1"),
        ("SIP/2.0/TCP [2001:db8::9:1]:5062;BRANCH=z9hG4bK2", "TCP", "[2001:db8::9:1]", 5062, "z9hG4bK2"),
        ("SIP/2.0/UDP host", "UDP", "host", None, None),
    ],
)  # fmt: skip
def test_vias(text: str, transport: str, host: str, port: int | None, branch: str | None) -> None:
    via = Via.parse(text)
    assert (via.transport, via.host, via.port, via.branch) == (transport, host, port, branch)
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize(
    "text", ["", "SIP/2.0", "SIP/2.0/UDP", "HTTP/2.0/UDP host", "SIP/2.0/UDP ;x", "SIP/2.0/U(P host", "SIP//UDP host"]
)
def test_malformed_vias_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Via.parse(text)


def test_a_via_is_stamped_with_its_source() -> None:
    # RFC 3581 section 4
    asked = Via.parse("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff").stamped("192.0.2.1", 9988)
    assert str(asked) == "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1"
    assert (asked.received, asked.rport, asked.wants_rport) == ("192.0.2.1", 9988, True)
    # RFC 3261 section 18.2.1
    named = Via.parse("SIP/2.0/UDP bobspc.biloxi.com:5060").stamped("192.0.2.4", 5060)
    assert str(named) == "SIP/2.0/UDP bobspc.biloxi.com:5060;received=192.0.2.4"
    same = Via.parse("SIP/2.0/UDP 192.0.2.4").stamped("192.0.2.4", 5060)
    assert str(same) == "SIP/2.0/UDP 192.0.2.4"
    assert Via.parse("SIP/2.0/UDP [::1]:5").stamped("::1", 5).received is None


def test_a_client_cannot_choose_where_we_answer() -> None:
    forged = Via.parse("SIP/2.0/UDP 192.0.2.4;received=203.0.113.9").stamped("192.0.2.4", 5060)
    assert forged.received is None


def test_ports_by_default() -> None:
    assert Via.parse("SIP/2.0/UDP h").effective_port == 5060
    assert Via.parse("SIP/2.0/TLS h").effective_port == 5061
    assert Via.parse("SIP/2.0/TLS h:7").effective_port == 7


@pytest.mark.parametrize("text", ["", "1", "INVITE", "x INVITE", "-1 INVITE", "1 INV(ITE", "1 2 3", "4294967296 ACK"])
def test_malformed_cseqs_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        CSeq.parse(text)


def test_cseq_round_trips() -> None:
    assert str(CSeq.parse("0009\t INVITE")) == "9 INVITE"


def test_numbers_are_ascii_and_bounded() -> None:
    assert number("0068", most=255) == 68
    for text in ("", "-1", "+1", " 1", "1.0", "٣", "²", "256", "9" * 5000):
        assert number(text, most=255) is None


def test_quoting() -> None:
    assert unquote(quote('a"b\\c')) == 'a"b\\c'
    assert unquote("plain") == "plain"
    assert unquote('"') == '"'
    assert quoted_end('"a\\"b" c') == 6
    assert quoted_end('"never') == -1
    assert quoted_end('"ends in \\') == -1


def test_splitting_survives_what_never_closes() -> None:
    assert split_list('a, "b, c') == ["a", '"b, c']
    assert split_list("a, <b, c") == ["a", "<b, c"]
    assert split_list('"a\\",b",c') == ['"a\\",b"', "c"]
    assert split_list(" , ,") == []
