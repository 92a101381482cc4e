"""Our registration at a trunk: challenges, refresh, failures, leaving."""

from dataclasses import replace

from ivr.sip.digest import Algorithm, Authenticator, StoredSecrets, Verdict, ha1
from ivr.sip.message import Request, Response, response_to
from ivr.sip.registration import RETRY_MOST_S, Account, RegistrationClient
from ivr.sip.uri import Uri

ACCOUNT = Account(Uri.parse("sip:trunk.example"), "box", "s3cret-word", "sip:box@192.0.2.1:5060", expires_s=600)


def reply(request: Request, status: int, **headers: str) -> Response:
    request.headers.set("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
    response = response_to(request, status)
    for name, value in headers.items():
        response.headers.add(name.replace("_", "-"), value)
    return response


def test_a_challenge_is_answered_and_the_granted_time_kept() -> None:
    client = RegistrationClient(ACCOUNT)
    first = client.request()
    assert "Authorization" not in first.headers
    server = Authenticator("trunk.example", b"0123456789abcdef")
    challenge = reply(first, 401)
    for value in server.challenges(10.0):
        challenge.headers.add("WWW-Authenticate", value)
    assert client.receive(challenge) == 0.0
    second = client.request()
    assert second.cseq.number == first.cseq.number + 1
    assert second.call_id == first.call_id
    credentials = server.credentials_of(second)
    assert credentials is not None
    stored = StoredSecrets(ha1_sha256=ha1("box", "trunk.example", "s3cret-word", Algorithm.SHA256))
    assert server.verify(credentials, second, stored, 11.0) is Verdict.GOOD
    wait_s = client.receive(reply(second, 200, Contact="<sip:box@192.0.2.1:5060>;expires=300"))
    assert client.registered
    assert wait_s == 240.0


def test_wrong_credentials_do_not_loop() -> None:
    client = RegistrationClient(ACCOUNT)
    server = Authenticator("trunk.example", b"0123456789abcdef")
    waits = []
    for _ in range(4):
        challenge = reply(client.request(), 401)
        challenge.headers.add("WWW-Authenticate", server.challenges(10.0)[0])
        waits.append(client.receive(challenge))
    assert waits == [0.0, 0.0, 0.0, 5.0]
    assert not client.registered
    assert client.last_error.startswith("401")


def test_a_longer_interval_is_taken_when_asked_for() -> None:
    client = RegistrationClient(ACCOUNT)
    assert client.receive(reply(client.request(), 423, Min_Expires="1800")) == 0.0
    assert client.request().expires == 1800


def test_failures_back_off_up_to_five_minutes_and_success_resets() -> None:
    client = RegistrationClient(ACCOUNT)
    waits = [client.receive(reply(client.request(), 503)) for _ in range(9)]
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0]
    assert waits[-1] == RETRY_MOST_S
    assert client.receive(reply(client.request(), 200, Expires="100")) == 80.0
    assert client.receive(reply(client.request(), 408)) == 5.0


def test_a_registrar_that_is_away_for_days_is_asked_every_five_minutes_all_the_time() -> None:
    client = RegistrationClient(ACCOUNT)
    assert {client.failed("no answer") for _ in range(1100)} == {5.0, 10.0, 20.0, 40.0, 80.0, 160.0, RETRY_MOST_S}


def test_leaving_asks_for_no_time() -> None:
    assert RegistrationClient(ACCOUNT).request(leave=True).expires == 0


def test_a_challenge_we_cannot_answer_is_a_failure() -> None:
    client = RegistrationClient(ACCOUNT)
    challenge = reply(client.request(), 401, WWW_Authenticate='Basic realm="x"')
    assert client.receive(challenge) == 5.0


def test_the_password_shows_in_no_repr() -> None:
    assert "s3cret-word" not in repr(ACCOUNT)


def test_a_contact_that_a_border_controller_rewrote_still_tells_the_time() -> None:
    client = RegistrationClient(ACCOUNT)
    granted = "<sip:box@198.51.100.3:5060>;expires=60, <sip:box@198.51.100.4>;expires=300"
    assert client.receive(reply(client.request(), 200, Contact=granted)) == 48.0


def test_a_registrar_that_names_its_time_is_not_asked_before() -> None:
    client = RegistrationClient(ACCOUNT)
    assert client.receive(reply(client.request(), 503, Retry_After="120;duration=60")) == 120.0
    assert client.receive(reply(client.request(), 503, Retry_After="86400")) == RETRY_MOST_S


def test_a_login_name_with_an_at_sign_stays_one_name() -> None:
    client = RegistrationClient(replace(ACCOUNT, username="box@home"))
    assert client.request().to.uri.user == "box%40home"
