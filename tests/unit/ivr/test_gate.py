"""Who is let in, and as whom (security.md, rows 2, 7 and 27)."""

from dataclasses import replace

import pytest

from ivr.gate import Claim, Gate
from ivr.peers import Peers
from ivr.sip.admission import Admission, Rate
from ivr.sip.digest import Algorithm, Authenticator, Challenge, Credentials, ha1
from ivr.sip.hops import Address, Source, Transport
from ivr.sip.message import Request, Response, parse
from voicebox.directory import Device
from voicebox.settings.sip import Peer, Sip

REALM = "voicebox.example"
PBX = Source(Transport.UDP, "192.0.2.1", 5060, Address("192.0.2.9", 5060))
STRANGER = Source(Transport.UDP, "198.51.100.7", 5060, Address("192.0.2.9", 5060))
PHONE = Device(
    company_id=1,
    mailbox_id=7,
    number="1001",
    username="1001",
    realm=REALM,
    ha1_md5=ha1("1001", REALM, "secret", Algorithm.MD5),
    ha1_sha256=ha1("1001", REALM, "secret", Algorithm.SHA256),
)


def request(method: str = "INVITE", *, user: str = "8000", extra: str = "") -> Request:
    message = parse(
        f"{method} sip:{user}@{REALM} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
        f"From: <sip:1001@{REALM}>;tag=a\r\nTo: <sip:{user}@{REALM}>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n"
        f"{extra}Content-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


def gate(*, contacts: set[tuple[str, int]] | None = None, admission: Admission | None = None) -> Gate:
    async def device_of(username: str, realm: str) -> Device | None:
        return PHONE if (username, realm) == ("1001", REALM) else None

    peers = Peers(Sip.model_validate({"domain": REALM, "peer": [{"name": "pbx", "address": "192.0.2.1"}]}))
    known = contacts or set()
    return Gate(peers, Authenticator(REALM, b"0123456789abcdef"), device_of, lambda *at: at in known, admission)


async def judged(keeper: Gate, asked: Request, source: Source) -> Device | Response:
    """Return the verdict on a request that is no peer's."""
    claim = keeper.glance(asked, source)
    assert isinstance(claim, Claim)
    return await keeper.judge(claim)


async def challenge_of(keeper: Gate, asked: Request, source: Source) -> Response:
    """Return the challenge to a request without credentials."""
    challenge = await judged(keeper, asked, source)
    assert isinstance(challenge, Response)
    assert challenge.status == 401
    return challenge


def answered(challenge: Response, method: str, password: str, username: str = "1001", user: str = "8000") -> Request:
    """Return the request again, as a phone answers the challenge."""
    found = Challenge.parse(challenge.headers.lines("WWW-Authenticate")[0])
    value = found.answer(username, password, method, f"sip:{user}@{REALM}")
    return request(method, user=user, extra=f"Authorization: {value}\r\n")


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_peer_is_trusted_by_its_address(method: str) -> None:
    found = gate().glance(request(method), PBX)
    assert isinstance(found, Peer)
    assert found.name == "pbx"


@pytest.mark.parametrize("method", ["REGISTER", "SUBSCRIBE"])
async def test_security_row_2_a_peers_trust_does_not_cover_register_and_subscribe(method: str) -> None:
    await challenge_of(gate(), request(method), PBX)


async def test_security_row_2_an_invite_from_a_registered_phones_address_is_challenged_though_the_pbx_shares_it() -> (
    None
):
    await challenge_of(gate(contacts={("192.0.2.1", 5060)}), request(), PBX)


async def test_security_row_2_an_invite_with_credentials_from_the_pbxs_address_is_a_phones() -> None:
    keeper = gate()
    challenge = await challenge_of(keeper, request("REGISTER"), PBX)
    assert isinstance(keeper.glance(answered(challenge, "INVITE", "secret"), PBX), Claim)


async def test_a_verified_digest_is_the_phone() -> None:
    keeper = gate()
    challenge = await challenge_of(keeper, request(), STRANGER)
    assert len(challenge.headers.lines("WWW-Authenticate")) == 2
    claim = keeper.glance(answered(challenge, "INVITE", "secret"), STRANGER)
    assert isinstance(claim, Claim)
    assert await keeper.judge(claim) == PHONE


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer() -> None:
    keeper = gate()
    refusals = []
    for username, password in (("1001", "wrong"), ("9999", "secret")):
        challenge = await challenge_of(keeper, request(), STRANGER)
        claim = keeper.glance(answered(challenge, "INVITE", password, username), STRANGER)
        assert isinstance(claim, Claim)
        refusals.append(await keeper.judge(claim))
    first, second = refusals
    assert isinstance(first, Response)
    assert isinstance(second, Response)
    assert first.status == second.status == 403
    assert first.to_bytes() == second.to_bytes()


async def test_a_user_name_that_is_no_text_never_reaches_the_database() -> None:
    asked: list[str] = []

    async def device_of(username: str, realm: str) -> Device | None:
        asked.append(username)
        return None

    keeper = gate()
    keeper._device_of = device_of
    credentials = Credentials("10\udcff01", REALM, "n", f"sip:8000@{REALM}", "0" * 32, Algorithm.MD5)
    verdict = await keeper.judge(Claim(request(), STRANGER, credentials))
    assert isinstance(verdict, Response)
    assert verdict.status == 403
    assert asked == []


async def test_a_replayed_digest_is_stale() -> None:
    keeper = gate()
    challenge = await challenge_of(keeper, request(), STRANGER)
    again = answered(challenge, "INVITE", "secret")
    for expected in (PHONE, 401):
        claim = keeper.glance(again, STRANGER)
        assert isinstance(claim, Claim)
        verdict = await keeper.judge(claim)
        assert (verdict.status if isinstance(verdict, Response) else verdict) == expected


async def test_a_phone_that_stumbles_over_two_challenges_gets_md5_alone() -> None:
    plain = replace(PHONE, md5_only=True)
    keeper = gate()

    async def device_of(username: str, realm: str) -> Device | None:
        return plain if username == "1001" else None

    keeper._device_of = device_of
    challenge = await challenge_of(keeper, request("REGISTER"), STRANGER)
    (line,) = challenge.headers.lines("WWW-Authenticate")
    assert Challenge.parse(line).algorithm is Algorithm.MD5
    assert await judged(keeper, answered(challenge, "INVITE", "secret"), STRANGER) == plain


async def test_strangers_hear_the_same_for_every_number() -> None:
    keeper = gate()
    answers = [await challenge_of(keeper, request(user=user), STRANGER) for user in ("1001", "4711", "8000")]
    assert [len(answer.headers.lines("WWW-Authenticate")) for answer in answers] == [2, 2, 2]


async def test_strangers_that_knock_too_often_are_turned_away() -> None:
    keeper = gate(admission=Admission(Rate(per_s=0.001, burst=3.0)))
    for _ in range(3):
        await challenge_of(keeper, request(), STRANGER)
    for _ in range(2):
        found = keeper.glance(request(), STRANGER)
        assert isinstance(found, Response)
        assert found.status == 503
    assert isinstance(keeper.glance(request(), PBX), Peer)


@pytest.mark.parametrize(
    ("agent", "algorithms"),
    [
        ("baresip v1.0.0 (x86_64/linux)", ["MD5"]),
        ("baresip v3.10.1 (x86_64/Linux)", ["SHA-256", "MD5"]),
        ("Snom/10", ["SHA-256", "MD5"]),
    ],
)
async def test_user_agents_known_to_give_up_at_sha_256_are_offered_md5_alone(agent: str, algorithms: list[str]) -> None:
    keeper = gate()
    claim = keeper.glance(request("REGISTER", extra=f"User-Agent: {agent}\r\n"), STRANGER)
    assert isinstance(claim, Claim)
    challenge = await keeper.judge(claim)
    assert isinstance(challenge, Response)
    offered = [Challenge.parse(value).algorithm for value in challenge.headers.lines("WWW-Authenticate")]
    assert offered == algorithms
