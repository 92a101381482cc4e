"""From a URI to hops: RFC 3263 and RFC 2782, with a name service that is a table."""

from collections import Counter
from random import Random

import pytest

from ivr.sip.headers import Headers
from ivr.sip.hops import Destination, Hop, Transport
from ivr.sip.locating import (
    HOPS_MAX,
    SHUNNED_S,
    LocatingError,
    Locator,
    Naptr,
    Srv,
    destination_of,
    destination_of_uri,
)
from ivr.sip.message import Request
from ivr.sip.uri import Uri


class Names:
    """A name service that knows what it is given, and what it was asked."""

    def __init__(
        self,
        naptr: dict[str, list[Naptr]] | None = None,
        srv: dict[str, list[Srv]] | None = None,
        hosts: dict[str, list[str]] | None = None,
    ) -> None:
        self._naptr, self._srv, self._hosts = naptr or {}, srv or {}, hosts or {}
        self.asked: list[str] = []

    async def naptr(self, name: str) -> list[Naptr]:
        self.asked.append(f"NAPTR {name}")
        return self._naptr.get(name, [])

    async def srv(self, name: str) -> list[Srv]:
        self.asked.append(f"SRV {name}")
        return self._srv.get(name, [])

    async def addresses(self, name: str) -> list[str]:
        self.asked.append(f"A {name}")
        return self._hosts.get(name, [])


def locator(names: Names, *, ipv6: bool = True) -> Locator:
    return Locator(names, lambda _, host: ipv6 or ":" not in host, random=Random(7))


async def located(names: Names, destination: Destination, **options: bool) -> list[str]:
    return [str(hop) for hop in await locator(names, **options).locate(destination, 0.0)]


@pytest.mark.parametrize(
    ("destination", "hop"),
    [
        (Destination("192.0.2.1"), "udp:192.0.2.1:5060"),
        (Destination("192.0.2.1", 5070, Transport.TCP), "tcp:192.0.2.1:5070"),
        (Destination("[2001:db8::1]"), "udp:[2001:db8::1]:5060"),
    ],
)
async def test_an_ip_address_is_its_own_hop(destination: Destination, hop: str) -> None:
    names = Names()
    assert await located(names, destination) == [hop]
    assert names.asked == []


async def test_an_explicit_port_asks_for_addresses_only() -> None:
    names = Names(hosts={"pbx.test": ["192.0.2.1", "2001:db8::1"]})
    assert await located(names, Destination("PBX.test.", 5070)) == ["udp:192.0.2.1:5070", "udp:[2001:db8::1]:5070"]
    assert names.asked == ["A pbx.test"]


async def test_naptr_chooses_the_transport_by_order_and_skips_what_we_do_not_have() -> None:
    names = Names(
        naptr={
            "trunk.test": [
                Naptr(20, 1, "SIP+D2U", "_sip._udp.trunk.test."),
                Naptr(10, 2, "sip+d2t", "_sip._tcp.trunk.test."),
                Naptr(10, 1, "SIPS+D2T", "_sips._tcp.trunk.test."),
            ]
        },
        srv={"_sip._tcp.trunk.test": [Srv(1, 1, 5061, "a.trunk.test.")]},
        hosts={"a.trunk.test": ["192.0.2.1"]},
    )
    assert await located(names, Destination("trunk.test")) == ["tcp:192.0.2.1:5061"]


async def test_without_naptr_udp_then_tcp_services_are_asked() -> None:
    names = Names(srv={"_sip._tcp.t.test": [Srv(1, 1, 5060, "a.test")]}, hosts={"a.test": ["192.0.2.1"]})
    assert await located(names, Destination("t.test")) == ["tcp:192.0.2.1:5060"]
    assert names.asked == ["NAPTR t.test", "SRV _sip._udp.t.test", "SRV _sip._tcp.t.test", "A a.test"]


async def test_a_named_transport_asks_for_its_service_only() -> None:
    names = Names(hosts={"t.test": ["192.0.2.1"]})
    assert await located(names, Destination("t.test", transport=Transport.TCP)) == ["tcp:192.0.2.1:5060"]
    assert names.asked == ["SRV _sip._tcp.t.test", "A t.test"]


async def test_services_come_by_priority() -> None:
    names = Names(
        srv={"_sip._udp.t.test": [Srv(20, 0, 5062, "b.test"), Srv(10, 0, 5061, "a.test")]},
        hosts={"a.test": ["192.0.2.1"], "b.test": ["192.0.2.2"]},
    )
    assert await located(names, Destination("t.test", transport=Transport.UDP)) == [
        "udp:192.0.2.1:5061",
        "udp:192.0.2.2:5062",
    ]


async def test_services_of_one_priority_are_drawn_by_weight() -> None:
    names = Names(
        srv={"_sip._udp.t.test": [Srv(1, 90, 5060, "a.test"), Srv(1, 10, 5060, "b.test")]},
        hosts={"a.test": ["192.0.2.1"], "b.test": ["192.0.2.2"]},
    )
    finder = locator(names)
    destination = Destination("t.test", transport=Transport.UDP)
    first = Counter([(await finder.locate(destination, 0.0))[0].host for _ in range(500)])
    assert 420 < first["192.0.2.1"] < 480


async def test_a_service_that_is_not_offered_falls_back_to_addresses() -> None:
    names = Names(srv={"_sip._udp.t.test": [Srv(0, 0, 0, ".")]}, hosts={"t.test": ["192.0.2.1"]})
    assert await located(names, Destination("t.test", transport=Transport.UDP)) == ["udp:192.0.2.1:5060"]


async def test_addresses_of_a_family_we_have_no_socket_for_are_left_out() -> None:
    names = Names(hosts={"t.test": ["2001:db8::1", "192.0.2.1"]})
    assert await located(names, Destination("t.test", 5060), ipv6=False) == ["udp:192.0.2.1:5060"]
    with pytest.raises(LocatingError, match="no address"):
        await located(names, Destination("2001:db8::1"), ipv6=False)


async def test_a_name_without_an_address_is_an_error() -> None:
    with pytest.raises(LocatingError, match=r"nowhere\.test"):
        await located(Names(), Destination("nowhere.test"))


async def test_there_are_never_more_hops_than_anybody_waits_for() -> None:
    names = Names(hosts={"t.test": [f"192.0.2.{number}" for number in range(50)]})
    assert len(await located(names, Destination("t.test", 5060))) == HOPS_MAX


async def test_a_name_server_that_fails_for_services_is_still_asked_for_addresses() -> None:
    class Broken(Names):
        async def naptr(self, name: str) -> list[Naptr]:
            raise LocatingError("the name service failed")

    assert await located(Broken(hosts={"t.test": ["192.0.2.1"]}), Destination("t.test")) == ["udp:192.0.2.1:5060"]


async def test_a_hop_that_failed_is_tried_last_for_a_minute_or_until_it_answers() -> None:
    finder = locator(Names(hosts={"t.test": ["192.0.2.1", "192.0.2.2"]}))
    destination = Destination("t.test", 5060)
    one, two = (Hop(Transport.UDP, f"192.0.2.{number}", 5060) for number in (1, 2))
    finder.failed(one, 100.0)
    assert await finder.locate(destination, 101.0) == [two, one]
    assert await finder.locate(destination, 100.0 + SHUNNED_S) == [one, two]
    finder.failed(one, 200.0)
    finder.answered(one)
    assert await finder.locate(destination, 201.0) == [one, two]


@pytest.mark.parametrize(
    ("uri", "destination"),
    [
        ("sip:100@pbx.test", Destination("pbx.test")),
        ("sip:pbx.test:5070;transport=TCP", Destination("pbx.test", 5070, Transport.TCP)),
        ("sip:100@pbx.test;maddr=192.0.2.1", Destination("192.0.2.1")),
        ("sip:100@[2001:db8::1]:5062", Destination("2001:db8::1", 5062)),
    ],
)
def test_a_uri_names_its_destination(uri: str, destination: Destination) -> None:
    assert destination_of_uri(Uri.parse(uri)) == destination


@pytest.mark.parametrize("uri", ["tel:+4921112345", "sips:100@pbx.test", "sip:100@pbx.test;transport=sctp"])
def test_a_uri_that_we_cannot_follow_is_an_error(uri: str) -> None:
    with pytest.raises(LocatingError):
        destination_of_uri(Uri.parse(uri))


@pytest.mark.parametrize(
    ("routes", "host"),
    [
        ([], "target.test"),
        (["<sip:proxy.test;lr>", "<sip:second.test;lr>"], "proxy.test"),
        (["<sip:proxy.test;lr>, <sip:second.test;lr>"], "proxy.test"),
        (["<sip:strict.test>"], "target.test"),
    ],
)
def test_the_first_loose_route_comes_before_the_request_uri(routes: list[str], host: str) -> None:
    headers = Headers()
    for route in routes:
        headers.add("Route", route)
    assert destination_of(Request("BYE", Uri.parse("sip:100@target.test"), headers)).host == host


def test_a_malformed_route_is_an_error() -> None:
    headers = Headers()
    headers.add("Route", "<sip:")
    with pytest.raises(LocatingError, match="Route"):
        destination_of(Request("BYE", Uri.parse("sip:100@target.test"), headers))
