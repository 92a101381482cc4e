"""Nothing that looks like a secret passes the redaction."""

import time
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebox.redaction import HIDDEN, TEXT_MAX, is_secret_name, redact, redact_fields, redact_text

SECRET = "s3cr3t-274913"

# As SIP and HTTP really carry them.
DIGEST = (
    f'Authorization: Digest username="1001", realm="voicebox", nonce="abc", uri="sip:x", response="{SECRET}", qop=auth'
)


@pytest.mark.parametrize(
    "text",
    [
        DIGEST,
        f"REGISTER sip:x SIP/2.0\r\nVia: x\r\n{DIGEST}\r\nTo: y",
        f"PROXY-AUTHORIZATION : Digest response={SECRET}",
        f"authorization: Bearer {SECRET}",
        f"{{'Authorization': 'Bearer {SECRET}'}}",
        f"sent Bearer {SECRET} to it",
        "Basic czNjcjN0LTI3NDkxMw==",
        f'response="{SECRET}"',
        f"response = {SECRET}, nc=1",
        f"Cookie: session={SECRET}",
        f"Set-Cookie: session={SECRET}; HttpOnly",
        f"pin={SECRET}",
        f"PIN: '{SECRET}'",
        f'"web_password": "{SECRET}"',
        f"device-password={SECRET}&x=1",
        f"?token={SECRET}",
        f'{{"access_token": "{SECRET}"}}',
        f"postgresql+asyncpg://user:{SECRET}@host/db",
        f"redis://:{SECRET}@host",
        f"sip:1001:{SECRET}@host",
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{SECRET.replace('-', '')}{'A' * 20}|2^20",
        f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${SECRET}",
        f"ha1: {SECRET}",
        f"a_b_c_d_e_f_g_h_i_j_pin={SECRET}",
        f"AUTH PLAIN {SECRET}",
        f"auth cram-md5 {SECRET}",
    ],
)
def test_secret_in_text_is_hidden(text: str) -> None:
    cleaned = redact_text(text)
    assert SECRET not in cleaned
    assert SECRET.replace("-", "") not in cleaned
    assert "czNjcjN0" not in cleaned
    assert HIDDEN in cleaned


def test_rest_of_a_message_stays_readable() -> None:
    text = redact_text(f"REGISTER sip:x SIP/2.0\r\nVia: v1\r\n{DIGEST}\r\nTo: <sip:1001@x:5060>", multiline=True)
    assert "REGISTER sip:x" in text
    assert "Via: v1" in text
    assert "To: <sip:1001@x:5060>" in text


@pytest.mark.parametrize(
    "text",
    [
        "sip:1001@127.0.0.1:5060",
        "http://127.0.0.1:8080/a@b",
        "shipping: 5",
        "spinning=1",
        "response: 200 OK",
        "+49211555",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "name", ["pin", "PIN", "new_pin", "webPassword", "X-Auth-Token", "ha1_md5", "device.password", "apiTokens", "dtmf"]
)
def test_secret_fields_are_known_by_name(name: str) -> None:
    assert is_secret_name(name)
    assert redact_fields({name: SECRET}) == {name: HIDDEN}
    assert redact({"deep": [{name: SECRET}]}) == {"deep": [{name: HIDDEN}]}


@pytest.mark.parametrize("name", ["shipping", "opinion", "mailbox", "key", "call", "response", "tokenizer", "pinned"])
def test_other_fields_are_not(name: str) -> None:
    assert redact_fields({name: "value"}) == {name: "value"}


def test_booleans_and_nothing_are_no_secrets() -> None:
    assert redact_fields({"pin_is_final": True, "pin": None}) == {"pin_is_final": True, "pin": None}


def test_line_ends_are_escaped_but_in_tracebacks() -> None:
    assert redact_fields({"event": "a\nb", "exception": "a\nb\x1b"}) == {"event": r"a\x0ab", "exception": "a\nb\\x1b"}


def test_everything_is_bounded() -> None:
    assert len(redact_text("x" * 10 * TEXT_MAX)) == TEXT_MAX + 1
    assert len(redact(list(range(1000)))) == 200
    assert len(redact(b"x" * 10 * TEXT_MAX)) <= TEXT_MAX + 1


@given(
    st.text(alphabet=st.characters(codec="ascii", categories=["L", "N"]), min_size=8, max_size=40), st.text(max_size=20)
)
def test_any_password_after_its_name_is_hidden(secret: str, around: str) -> None:
    assert secret not in redact_text(f'{around} password="{secret}"').replace(redact_text(around), "", 1)


@given(st.recursive(st.none() | st.text() | st.binary(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_any_value_can_be_redacted(value: object) -> None:
    redact(value)


@pytest.mark.parametrize(
    "unit", ["a-", "a_", "pin-", "://", "sip:a", "$argon2id", "authorization ", 'pin="', "basic a", "auth "]
)
def test_the_longest_text_costs_no_more_than_its_length(unit: str) -> None:
    """One that is quadratic takes two seconds, during which no packet is answered."""

    def cost(length: int) -> float:
        text = (unit * length)[:length]
        return min(timeit.repeat(lambda: redact_text(text), number=1, repeat=5, timer=time.process_time))

    assert cost(TEXT_MAX) < 9 * cost(TEXT_MAX // 4)
