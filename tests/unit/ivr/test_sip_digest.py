"""Digest in both roles: the RFCs' examples, nonces, replays, and what strangers may try."""

from collections.abc import Callable

import pytest
import sipmessage

from ivr.sip.digest import (
    NONCE_LIFE_S,
    Algorithm,
    Authenticator,
    Challenge,
    Credentials,
    StoredSecrets,
    Verdict,
    authorize,
    challenges_in,
    ha1,
)
from ivr.sip.digest import authenticator as authenticator_module
from ivr.sip.digest.credentials import response_digest
from ivr.sip.errors import DigestError, ParseError
from ivr.sip.headers import Headers
from ivr.sip.message import Request, Response
from ivr.sip.uri import Uri

REALM = "company.example"
SECRET = b"0123456789abcdef"
PASSWORD = "correct horse"
STORED = StoredSecrets(ha1("1001", REALM, PASSWORD, Algorithm.MD5), ha1("1001", REALM, PASSWORD, Algorithm.SHA256))
NOW = 1_000_000.0
# Section 3.9.1 of RFC 7616, section 3.5 of RFC 2617.
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
RFC_2617 = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'


def register(uri: str = "sip:company.example") -> Request:
    return Request("REGISTER", Uri.parse(uri), Headers([("CSeq", "1 REGISTER")]))


def unauthorized(*challenges: str, status: int = 401) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status, "Unauthorized", Headers([(name, challenge) for challenge in challenges]))


class Phone:
    """Our client against our server, and a judge of both."""

    def __init__(self, *, password: str = PASSWORD, username: str = "1001") -> None:
        self.password = password
        self.username = username
        self.server = Authenticator(REALM, SECRET)

    def ask(self, now: float = NOW, **more: object) -> Response:
        return unauthorized(*self.server.challenges(now, **more))  # type: ignore[arg-type] # keyword options

    def signed(self, challenge: Response, *, nc: int = 1, uri: str = "sip:company.example") -> Request:
        request = register(uri)
        authorize(request, challenge, username=self.username, password=self.password, nc=nc)
        return request

    def judge(self, request: Request, now: float = NOW, stored: StoredSecrets | None = STORED) -> Verdict:
        credentials = self.server.credentials_of(request)
        assert credentials is not None
        return self.server.verify(credentials, request, stored, now)


@pytest.mark.parametrize(
    ("challenge", "password", "cnonce", "response"),
    [
        (RFC_7616 + ", algorithm=MD5", "Circle of Life", RFC_7616_CNONCE, "8ca523f5e9506fed4657c9700eebdbec"),
        (
            RFC_7616 + ", algorithm=SHA-256",
            "Circle of Life",
            RFC_7616_CNONCE,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        (
            RFC_2617 + ', qop="auth,auth-int", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
            "Circle Of Life",
            "0a4f113b",
            "6629fae49393a05397450978507c4ef1",
        ),
        (RFC_2617, "Circle Of Life", "0a4f113b", "670fd8c2df070c60b045671b8b24ff02"),
    ],
)
def test_the_rfcs_examples(challenge: str, password: str, cnonce: str, response: str) -> None:
    answer = Challenge.parse(challenge).answer("Mufasa", password, "GET", "/dir/index.html", cnonce=cnonce)
    assert f'response="{response}"' in answer
    assert ("opaque=" in answer) is ("opaque=" in challenge)
    assert ("qop=auth, nc=00000001" in answer) is ("qop=" in challenge)
    assert ("algorithm=" in answer) is ("algorithm=" in challenge)


def test_ha1_is_what_the_rfc_says() -> None:
    assert ha1("Mufasa", "testrealm@host.com", "Circle Of Life", Algorithm.MD5) == "939e7578ed9e3c518a452acee763bce9"
    assert len(ha1("ü", "r", "p", Algorithm.SHA256)) == 64


def test_a_phone_logs_in() -> None:
    phone = Phone()
    request = phone.signed(phone.ask())
    assert "algorithm=SHA-256" in (request.headers.get("Authorization") or "")
    assert phone.judge(request) is Verdict.GOOD


def test_both_algorithms_are_offered_the_strong_one_first_with_one_nonce() -> None:
    strong, weak = Authenticator(REALM, SECRET).challenges(NOW)
    assert "algorithm=SHA-256" in strong
    assert "algorithm=MD5" in weak
    assert Challenge.parse(strong).nonce == Challenge.parse(weak).nonce
    assert "stale" not in strong


def test_a_device_can_be_reduced_to_md5() -> None:
    phone = Phone()
    request = phone.signed(phone.ask(algorithms=[Algorithm.MD5]))
    assert "algorithm=MD5" in (request.headers.get("Authorization") or "")
    assert phone.judge(request) is Verdict.GOOD
    only_strong = StoredSecrets(ha1_sha256=STORED.ha1_sha256)
    assert phone.judge(phone.signed(phone.ask(algorithms=[Algorithm.MD5])), stored=only_strong) is Verdict.BAD


def test_the_independent_parser_reads_our_headers() -> None:
    phone = Phone()
    challenge = sipmessage.AuthChallenge.parse(phone.server.challenges(NOW)[0])
    assert challenge.scheme == "Digest"
    assert challenge.parameters is not None
    assert challenge.parameters["realm"] == REALM
    assert challenge.parameters["qop"] == "auth"
    request = phone.signed(phone.ask())
    credentials = sipmessage.AuthCredentials.parse(request.headers.get("Authorization") or "")
    assert credentials.parameters is not None
    assert credentials.parameters["username"] == "1001"
    assert credentials.parameters["nc"] == "00000001"


def test_a_wrong_password_is_bad() -> None:
    phone = Phone(password="wrong")
    assert phone.judge(phone.signed(phone.ask())) is Verdict.BAD


def test_an_unknown_user_is_bad_even_with_the_password_of_nobody() -> None:
    phone = Phone()
    assert phone.judge(phone.signed(phone.ask()), stored=None) is Verdict.BAD
    assert phone.judge(phone.signed(phone.ask()), stored=StoredSecrets()) is Verdict.BAD


def test_credentials_of_another_realm_or_scheme_are_not_ours() -> None:
    server = Authenticator(REALM, SECRET)
    request = register()
    request.headers.add("Authorization", "NoOneKnowsThisScheme opaque-data=here")
    request.headers.add("Authorization", 'Digest username="1001", realm="other", nonce="n", uri="sip:h", response="r"')
    assert server.credentials_of(request) is None


def test_a_nonce_lives_so_long() -> None:
    phone = Phone()
    challenge = phone.ask()
    assert phone.judge(phone.signed(challenge, nc=1), NOW + NONCE_LIFE_S) is Verdict.GOOD
    assert phone.judge(phone.signed(challenge, nc=2), NOW + NONCE_LIFE_S + 0.1) is Verdict.STALE
    assert phone.judge(phone.signed(challenge, nc=3), NOW - 2) is Verdict.STALE


def test_a_wrong_password_with_an_old_nonce_is_bad_not_stale() -> None:
    phone = Phone(password="wrong")
    assert phone.judge(phone.signed(phone.ask()), NOW + 10_000) is Verdict.BAD


def test_a_stale_challenge_says_so() -> None:
    challenge = Challenge.parse(Authenticator(REALM, SECRET).challenges(NOW, stale=True)[0])
    assert challenge.stale
    assert not Challenge.parse(Authenticator(REALM, SECRET).challenges(NOW)[0]).stale


@pytest.mark.parametrize(
    "forge",
    [
        lambda nonce: nonce[:-4] + "AAAA",
        lambda nonce: "BBBB" + nonce[4:],
        lambda nonce: nonce + "A",
        lambda _: "",
        lambda _: "ü",
        lambda _: "A" * 44,
    ],
)
def test_nonces_cannot_be_made_up(forge: Callable[[str], str]) -> None:
    phone = Phone()
    real = Challenge.parse(phone.server.challenges(NOW)[1])
    made_up = f'Digest realm="{REALM}", nonce="{forge(real.nonce)}", algorithm=MD5, qop="auth"'
    # The password is right, so it is not bad; but it does not let anybody in either.
    assert phone.judge(phone.signed(unauthorized(made_up))) is Verdict.STALE


def test_nonces_of_another_process_or_realm_are_stale() -> None:
    phone = Phone()
    for other in (Authenticator(REALM, SECRET[::-1]), Authenticator("other", SECRET)):
        nonce = Challenge.parse(other.challenges(NOW)[0]).nonce
        challenge = unauthorized(f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"')
        assert phone.judge(phone.signed(challenge)) is Verdict.STALE


def test_nothing_replays() -> None:
    phone = Phone()
    challenge = phone.ask()
    request = phone.signed(challenge, nc=1)
    assert phone.judge(request) is Verdict.GOOD
    assert phone.judge(request) is Verdict.STALE
    assert phone.judge(phone.signed(challenge, nc=3)) is Verdict.GOOD
    assert phone.judge(phone.signed(challenge, nc=2)) is Verdict.STALE


def test_a_captured_answer_serves_no_other_request() -> None:
    phone = Phone()
    captured = phone.signed(phone.ask())
    invite = Request("INVITE", captured.uri, captured.headers)
    assert phone.judge(invite) is Verdict.BAD
    elsewhere = Request("REGISTER", Uri.parse("sip:+49900@company.example"), captured.headers)
    assert phone.judge(elsewhere) is Verdict.BAD


def test_proxies_may_rewrite_the_host_of_the_request_uri() -> None:
    phone = Phone()
    request = phone.signed(phone.ask(), uri="sip:1002@company.example;transport=tcp")
    request.uri = Uri.parse("sip:1002@10.0.0.1")
    assert phone.judge(request) is Verdict.GOOD


def test_a_client_without_qop_gets_one_use_of_a_nonce() -> None:
    phone = Phone()
    nonce = Challenge.parse(phone.server.challenges(NOW)[0]).nonce
    old = unauthorized(f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5')
    request = phone.signed(old)
    assert "qop" not in (request.headers.get("Authorization") or "")
    assert phone.judge(request) is Verdict.GOOD
    assert phone.judge(request) is Verdict.STALE


def rightly_signed(phone: Phone, **changes: str) -> Request:
    """A request whose response is right for parameters that no honest client sends."""
    nonce = Challenge.parse(phone.server.challenges(NOW)[1]).nonce
    params = {"realm": REALM, "nonce": nonce, "uri": "sip:company.example", "qop": "auth", "cnonce": "c", **changes}
    text = "Digest " + ", ".join(f'{name}="{value}"' for name, value in {"username": "1001", **params}.items())
    given = Credentials.parse(f'{text}, response=""')
    request = register()
    right = response_digest(STORED.ha1_md5 or "", given, "REGISTER")
    request.headers.add("Authorization", f'{text}, response="{right}"')
    return request


@pytest.mark.parametrize("nc", ["", "zz", "123456789", "-1"])
def test_a_nonce_count_must_be_one(nc: str) -> None:
    phone = Phone()
    assert phone.judge(rightly_signed(phone, nc=nc)) is Verdict.BAD
    assert phone.judge(rightly_signed(phone, nc="00000001", cnonce="")) is Verdict.BAD
    assert phone.judge(rightly_signed(phone, nc="00000001")) is Verdict.GOOD


def test_a_nonce_count_of_zero_counts_nothing() -> None:
    phone = Phone()
    assert phone.judge(rightly_signed(phone, nc="00000000")) is Verdict.STALE


def test_a_digest_over_no_uri_is_bad() -> None:
    phone = Phone()
    assert phone.judge(rightly_signed(phone, nc="00000001", uri="nonsense")) is Verdict.BAD


def test_integrity_protection_was_not_offered() -> None:
    phone = Phone()
    assert phone.judge(rightly_signed(phone, nc="00000001", qop="auth-int")) is Verdict.BAD


def test_memory_for_nonces_is_bounded_and_forgetting_opens_no_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authenticator_module, "NONCES_MAX", 3)
    phone = Phone()
    requests = [phone.signed(phone.ask(NOW + at)) for at in range(6)]
    assert [phone.judge(request, NOW + 6) for request in requests] == [Verdict.GOOD] * 6
    assert len(phone.server._counts) == 3
    assert [phone.judge(request, NOW + 6) for request in requests] == [Verdict.STALE] * 6


def test_expired_nonces_are_forgotten() -> None:
    phone = Phone()
    assert phone.judge(phone.signed(phone.ask(NOW)), NOW) is Verdict.GOOD
    later = NOW + NONCE_LIFE_S + 1
    assert phone.judge(phone.signed(phone.ask(later)), later) is Verdict.GOOD
    assert len(phone.server._counts) == 1


def test_a_weak_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="short"):
        Authenticator(REALM, b"short")


def test_no_secret_shows_in_a_repr() -> None:
    phone = Phone()
    request = phone.signed(phone.ask())
    credentials = phone.server.credentials_of(request)
    assert credentials is not None
    shown = repr(credentials) + repr(STORED) + repr(request)
    for hidden in (credentials.response, credentials.nonce, STORED.ha1_md5, STORED.ha1_sha256):
        assert hidden is not None
        assert hidden not in shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Basic dXNlcg==",
        "Digest",
        'Digest username="a"',
        'Digest username="a", realm="r", nonce="n", uri="u", response="r", username="b"',
        'Digest username="a", realm="r", nonce="n", uri="u", response="r", algorithm=SHA-1',
        'Digest username="a", realm="r", nonce="n", uri="u", response="r", junk',
    ],
)
def test_malformed_credentials_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        Credentials.parse(text)


def test_quoted_values_keep_commas_and_quotes() -> None:
    credentials = Credentials.parse(
        'digest USERNAME="a,\\"b\\"", realm="r=1, x", nonce=n , uri="sip:h;x=\\"1\\"", response="AB", qop="auth"'
    )
    assert (credentials.username, credentials.realm, credentials.uri) == ('a,"b"', "r=1, x", 'sip:h;x="1"')
    assert (credentials.response, credentials.algorithm) == ("ab", Algorithm.MD5)


def test_a_client_answers_each_realm_with_its_best_algorithm() -> None:
    response = unauthorized(
        'Digest realm="a", nonce="1", algorithm=MD5, qop="auth"',
        'Digest realm="a", nonce="2", algorithm=sha-256, qop="auth"',
        'Digest realm="a", nonce="3", algorithm=SHA-512-256, qop="auth"',
        'Digest realm="b", nonce="4", qop="auth-int"',
        'Digest realm="c", nonce="5"',
        "Bearer x",
    )
    found = challenges_in(response)
    assert [(header, challenge.realm, challenge.nonce) for header, challenge in found] == [
        ("Authorization", "a", "2"),
        ("Authorization", "c", "5"),
    ]


def test_a_proxy_is_answered_in_its_own_header_and_old_answers_go() -> None:
    request = register()
    request.headers.add("Proxy-Authorization", "Digest old")
    request.headers.add("Authorization", "Digest kept")
    challenge = unauthorized('Digest realm="p", nonce="1", qop="auth"', status=407)
    authorize(request, challenge, username="u", password="p")
    assert request.headers.lines("Authorization") == ["Digest kept"]
    (answer,) = request.headers.lines("Proxy-Authorization")
    assert 'realm="p"' in answer
    assert 'uri="sip:company.example"' in answer


def test_a_challenge_nobody_can_answer_is_an_error() -> None:
    with pytest.raises(DigestError):
        authorize(register(), unauthorized('Digest realm="a"'), username="u", password="p")
    with pytest.raises(DigestError):
        Challenge.parse('Digest realm="a", nonce="n", algorithm=AKAv1-MD5')


def test_a_fresh_cnonce_each_time() -> None:
    challenge = Challenge.parse('Digest realm="a", nonce="n", qop="auth"')
    assert challenge.answer("u", "p", "REGISTER", "sip:h") != challenge.answer("u", "p", "REGISTER", "sip:h")
