"""URIs and name-addr: read, written, compared."""

import pytest
import sipmessage
from hypothesis import given
from hypothesis import strategies as st

from ivr.sip.errors import ParseError
from ivr.sip.grammar import Params
from ivr.sip.uri import NameAddr, Uri, decoded

USER_CHARS = "abcXYZ0189-_.!~*'()&=+$,;?/"
HOSTS = st.sampled_from(["example.com", "10.0.0.1", "[2001:db8::1]", "pbx_1.local", "xn--bcher-kva.example"])
NAMES = st.text("abcdefgh-", min_size=1, max_size=8)
PARAMS = st.lists(st.tuples(NAMES, st.none() | st.text("abc019.-:[]%", min_size=1, max_size=8)), max_size=4)
URIS = st.builds(
    Uri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=st.none() | st.text(USER_CHARS, min_size=1, max_size=12),
    host=HOSTS,
    port=st.none() | st.integers(0, 65535),
    params=PARAMS.map(lambda items: Params(tuple(items))),
    headers=st.sampled_from(["", "subject=hi", "a=%20&b=c"]),
)
DISPLAYS = st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=20).map(str.strip)


@given(URIS)
def test_a_uri_comes_back_as_it_was(uri: Uri) -> None:
    assert Uri.parse(str(uri)) == uri
    assert str(Uri.parse(str(uri))) == str(uri)


@given(URIS, DISPLAYS, st.none() | NAMES)
def test_a_name_addr_comes_back_as_it_was(uri: Uri, display: str, tag: str | None) -> None:
    address = NameAddr(uri, display, Params(() if tag is None else (("tag", tag),)))
    again = NameAddr.parse(str(address))
    assert again == address
    assert again.tag == tag


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice@atlanta.com",
        "sip:alice:secretword@atlanta.com;transport=tcp",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sip:alice@192.0.2.4:5070",
        "sip:[2001:db8::10]:5070",
    ],
)
def test_the_independent_parser_reads_the_same(text: str) -> None:
    ours, theirs = Uri.parse(text), sipmessage.URI.parse(text)
    assert (ours.scheme, ours.user, ours.password) == (theirs.scheme, theirs.user, theirs.password)
    assert (ours.host, ours.port) == (theirs.host, theirs.port)
    assert str(ours) == str(theirs) == text


def test_a_tel_uri_keeps_its_separators() -> None:
    uri = Uri.parse("tel:+49-211-555;phone-context=example.com")
    assert uri.user == "+49-211-555"
    assert uri.params["phone-context"] == "example.com"
    assert uri.is_phone
    assert str(uri) == "tel:+49-211-555;phone-context=example.com"


def test_user_phone_makes_it_a_number() -> None:
    assert Uri.parse("sip:+49211@gw;user=PHONE").is_phone
    assert not Uri.parse("sip:+49211@gw").is_phone


def test_the_ipv6_address_is_given_to_sockets_without_brackets() -> None:
    assert Uri.parse("sip:[::1]:5062").address == "::1"
    assert Uri.parse("sip:host").address == "host"


def test_an_unescaped_at_is_read_as_senders_mean_it() -> None:
    target = Uri.parse("sip:voicemail@pbx;target=sip:bob@pbx;cause=486")
    assert (target.user, target.host, target.params["target"]) == ("voicemail", "pbx", "sip:bob@pbx")
    assert Uri.parse("sip:a@b@host").user == "a@b"


@pytest.mark.parametrize(
    "text",
    [
        "", "sip", "sip:", "sip:@host", "sip:user@", "sip:user@host:", "sip:user@host:99999", "sip:user@host:1a",
        "sip:user@[::1", "sip:user@[::zz]", "sip:user@[::1]x", "<sip:user@host>", "sip:us er@host", "sip:user@ho\rst",
        "sip:user@host;=x", "tel:", "sip:user@-host", "sip:u@host:٣", 'sip:user@host;a="b', "1sip:user@host",
    ],
)  # fmt: skip
def test_malformed_uris_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Uri.parse(text)


def test_a_uri_of_ours_cannot_hold_a_line_break() -> None:
    with pytest.raises(ParseError):
        Uri("sip", user="1001\r\nEvil: yes", host="host")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # RFC 3261 section 19.1.4
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
         "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"),
        ("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
         "sip:alice@atlanta.com?priority=urgent&subject=project%20x"),
        ("sip:a@[2001:DB8::1]", "sip:a@[2001:db8:0::1]"),
        ("tel:+49211", "tel:+49211"),
    ],
)  # fmt: skip
def test_equivalent_uris(one: str, other: str) -> None:
    assert Uri.parse(one).equivalent(Uri.parse(other))
    assert Uri.parse(other).equivalent(Uri.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@h", "sips:a@h"),
        ("sip:h", "sip:a@h"),
    ],
)
def test_different_uris(one: str, other: str) -> None:
    assert not Uri.parse(one).equivalent(Uri.parse(other))


@pytest.mark.parametrize(
    ("text", "display", "uri", "tag"),
    [
        ('"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s', "A. G. Bell", "sip:agb@bell-telephone.com", "a48s"),
        ("sip:+12125551212@server.phone2net.com;tag=887s", "", "sip:+12125551212@server.phone2net.com", "887s"),
        ("Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "sip:c8oqz84zk7z@privacy.org", "hyh8"),
        ('"Say \\"hi\\", <you>" <sip:a@b;tag=no>', 'Say "hi", <you>', "sip:a@b;tag=no", None),
        ("<sip:a@b>;TAG=x", "", "sip:a@b", "x"),
        ("Müller, Jörg <sip:a@b>", "Müller, Jörg", "sip:a@b", None),
        ('"" <sip:a@b>;tag="quoted"', "", "sip:a@b", "quoted"),
        ("<tel:+49211>", "", "tel:+49211", None),
    ],
)
def test_name_addrs(text: str, display: str, uri: str, tag: str | None) -> None:
    address = NameAddr.parse(text)
    assert (address.display, str(address.uri), address.tag) == (display, uri, tag)


@pytest.mark.parametrize(
    "text",
    ["", '"Bob <sip:a@b>', '"Bob" sip:a@b', "Bob <sip:a@b", "<sip:a@b> x", 'a"b <sip:a@b>', "sip:a@b?x=y", "<>"],
)
def test_malformed_name_addrs_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        NameAddr.parse(text)


def test_a_tag_can_be_put_on() -> None:
    assert str(NameAddr.parse("Bob <sip:bob@b>").with_tag("t1")) == "Bob <sip:bob@b>;tag=t1"


@given(st.text())
def test_reading_a_uri_raises_nothing_but_parse_errors(text: str) -> None:
    for reader in (Uri.parse, NameAddr.parse):
        try:
            reader(text)
        except ParseError:
            continue


def test_decoded_keeps_bytes_that_are_no_utf8() -> None:
    assert decoded("M%FCller").encode("utf-8", "surrogateescape") == b"M\xfcller"


def test_params_are_looked_up_without_case_and_quotes() -> None:
    params = Params.parse(';lr;Reason="user-busy";a=1;A=2')
    assert params.get("REASON") == "user-busy"
    assert "LR" in params
    assert params["lr"] is None
    assert params["a"] == "1"
    assert list(params) == ["lr", "Reason", "a"]
    assert len(params) == 3
    assert str(params) == ';lr;Reason="user-busy";a=1;A=2'


def test_params_change_by_copy() -> None:
    params = Params.parse("a=1;b")
    assert str(params.with_("B", "x y")) == ';a=1;b="x y"'
    assert str(params.with_("c", None)) == ";a=1;b;c"
    assert str(params.without("A")) == ";b"
    assert str(Params.of({"text": 'say "x"', "expires": "60", "lr": None})) == ';text="say \\"x\\"";expires=60;lr'
    assert str(params) == ";a=1;b"
    with pytest.raises(ValueError, match="line break"):
        params.with_("a", "x\r\ny")


def test_equal_uris_are_one_in_a_set() -> None:
    assert len({Uri.parse("sip:a@h;LR"), Uri.parse("sip:a@h;lr"), Uri.parse("sip:a@h")}) == 2


def test_too_many_params_are_refused() -> None:
    with pytest.raises(ParseError):
        Params.parse(";x" * 65)
