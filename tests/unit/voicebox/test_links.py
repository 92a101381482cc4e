"""Signed links: only ours, only for their time, and nothing else is opened by them."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.rows import NOW
from voicebox.links import LISTEN_FOR, Links

LINKS = Links(b"k" * 32, "https://voicebox.example/")
MESSAGE = "a" * 32


def parts(links: Links = LINKS) -> tuple[str, str, str]:
    url = links.listen_url(MESSAGE, NOW)
    assert url is not None
    message, until, signature = url.removeprefix("https://voicebox.example/listen/").split("/")
    return message, until, signature


def test_a_link_is_good_for_three_days() -> None:
    message, until, signature = parts()
    assert message == MESSAGE
    assert LINKS.may_listen(message, until, signature, NOW)
    assert LINKS.may_listen(message, until, signature, NOW + LISTEN_FOR - timedelta(seconds=1))
    assert not LINKS.may_listen(message, until, signature, NOW + LISTEN_FOR)


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=60))
def test_nothing_else_is_ours(message: str, until: str, signature: str) -> None:
    assert not LINKS.may_listen(message, until, signature, NOW)


def test_no_part_of_it_can_be_changed() -> None:
    message, until, signature = parts()
    later = str(int(until) + 1)
    assert not LINKS.may_listen("b" * 32, until, signature, NOW)
    assert not LINKS.may_listen(message, later, signature, NOW)
    assert not LINKS.may_listen(message, until, signature[:-1], NOW)
    assert not Links(b"other" * 8, "https://voicebox.example").may_listen(message, until, signature, NOW)
    assert not LINKS.may_listen(message, until, LINKS.confirmation_token(1, NOW), NOW)


def test_confirmation_secrets_differ_by_address_and_asking() -> None:
    secrets = {LINKS.confirmation_token(key, NOW + timedelta(seconds=n)) for key in range(5) for n in range(5)}
    assert len(secrets) == 25
    assert {len(each) for each in secrets} == {43}
    assert LINKS.confirmation_token(1, NOW) == LINKS.confirmation_token(1, NOW)
    assert LINKS.confirmation_url("x") == "https://voicebox.example/confirm/x"


def test_where_nobody_gets_there_no_link_is_offered() -> None:
    assert Links(b"k" * 32, "http://127.0.0.1:8080", reachable=False).listen_url(MESSAGE, NOW) is None
