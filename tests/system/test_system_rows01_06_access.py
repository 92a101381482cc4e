"""Rows 1 and 3 to 6 from outside: a PIN by the rules, who is asked for it, aliases, and which numbers may be one."""

from pathlib import Path

import pytest

from tests.system.caller import Caller
from tests.system.conftest import MakeService
from tests.system.service import ASKED, COMPANY, PIN, Service, moment
from tests.system.subscriber import LOGIN_S, at_own_phone, prompts, record_of
from tests.system.test_system_portal import portal

pytestmark = pytest.mark.system

ALIAS = "+491701234567"
"""Of mailbox 1020."""


def test_row_1_a_pin_is_changed_by_phone_and_only_to_a_good_one(service: Service, tmp_path: Path) -> None:
    caller = portal(service, tmp_path, from_number="+4915155570101").invite()
    caller.keys(f"1021#{PIN}#").pause(LOGIN_S).keys("8").pause(0.5)
    caller.keys("123456#").pause(1).keys("123567#").pause(LOGIN_S).keys("123567#").pause(LOGIN_S).bye().run()
    heard = prompts(record_of(service, "+4915155570101"))
    assert heard.index("passcode-refused-run") < heard.index("passcode-again") < heard.index("passcode-changed")
    for pin, caller_number, opens in (("123567", "+4915155570102", True), (PIN, "+4915155570103", False)):
        portal(service, tmp_path, from_number=caller_number).invite().keys(f"1021#{pin}#").pause(LOGIN_S).bye().run()
        assert moment(record_of(service, caller_number), "login", mailbox="1021", ok=opens, by="pin")


def test_row_3_the_own_phone_is_asked_for_the_pin_where_it_does_not_log_in_automatically(
    service: Service, tmp_path: Path
) -> None:
    # The digest is answered, or there would be no call; it says whose phone it is, which spares the number only.
    at_own_phone(service, tmp_path, ASKED).pause(7).bye().run()
    call = record_of(service, ASKED)
    assert "login-pin-known" in prompts(call)
    assert "login-number" not in prompts(call)
    assert not any(entry["event"] == "login" for entry in call["trace"])


def test_row_4_an_alias_is_asked_for_its_pin_only(service: Service, tmp_path: Path) -> None:
    portal(service, tmp_path, from_number=ALIAS).invite().keys(f"{PIN}#").pause(LOGIN_S).bye().run()
    call = record_of(service, ALIAS)
    assert "login-number" not in prompts(call)
    assert moment(call, "login", mailbox="1020", ok=True, by="pin")


def test_row_4_star_at_the_pin_means_not_my_phone(service: Service, tmp_path: Path) -> None:
    # An alias of 1007, in another spelling; the trunk does not vouch for it, so it opens nothing by itself.
    caller = portal(service, tmp_path, from_number="00491701234507").invite().pause(8)
    caller.keys("*").pause(1).keys(f"1022#{PIN}#").pause(LOGIN_S).bye().run()
    call = record_of(service, "+491701234507")
    heard = prompts(call)
    assert heard.index("login-pin-known") < heard.index("login-number")
    assert moment(call, "login", mailbox="1022", ok=True, by="pin")


def test_row_4_who_withholds_the_number_is_asked_for_it(service: Service, tmp_path: Path) -> None:
    anonymous = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    caller = Caller(service.udp, tmp_path, number="8000", from_=anonymous)
    caller.invite("Privacy: id", f"P-Asserted-Identity: <sip:{ALIAS}@127.0.0.1>").pause(8).bye().run()
    call = record_of(service, "anonymous")
    assert "login-number" in prompts(call)
    assert "login-pin-known" not in prompts(call)


MAILBOX = """
[[mailbox]]
number = "{number}"
name = "Teilnehmer {number}"
aliases = [{aliases}]
"""


def applied(service: Service, folder: Path, *mailboxes: tuple[str, str]) -> tuple[int, str]:
    """Apply a directory file of these mailboxes; return the exit code and what was said."""
    file = folder / "aliases.toml"
    file.write_text(COMPANY + "".join(MAILBOX.format(number=number, aliases=aliases) for number, aliases in mailboxes))
    done = service.voicebox("apply", str(file), check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_rows_5_and_6_aliases_have_a_form_and_one_owner(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service(directory=COMPANY)
    for text in ("+49 2115551111", "02115551111", "0211-555-1111"):
        code, said = applied(service, tmp_path, ("1001", f'"{text}"'))
        assert code == 0, said
    wrong = (
        *("0049211555111", "++492115551111", "+0211555111", "+49(0)2115551111"),
        *("0211/555", "0211--555", "0211-"),
    )
    code, said = applied(service, tmp_path, ("1001", ", ".join(f'"{text}"' for text in wrong)))
    assert code != 0
    assert [f"mailbox[0].aliases[{at}]" in said for at in range(len(wrong))] == [True] * len(wrong)
    # The seed's three examples are one number: a second one is a duplicate, at home and at a colleague's.
    code, said = applied(service, tmp_path, ("1001", '"+49 2115551111", "02115551111"'))
    assert code != 0
    assert "is the same number as" in said
    code, said = applied(service, tmp_path, ("1001", '"02115551111"'), ("1002", '"0211-555-1111"'))
    assert code != 0
    assert "is the same number as" in said
