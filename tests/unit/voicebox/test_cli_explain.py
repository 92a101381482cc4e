"""`voicebox explain`: where a call would go, without making one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.fakes.installation import DIRECTORY, Installation
from voicebox.storage import mailboxes, registrations
from voicebox.storage.database import Database
from voicebox.storage.registrations import Binding

CALLER = ("explain", "--from", "+4930123456")


def with_settings(installation: Installation, anna: str = "", more: str = "") -> None:
    """Give Anna settings, and the company more mailboxes."""
    installation.apply(DIRECTORY.replace('email = "anna@example.org"', f'email = "anna@example.org"\n{anna}') + more)


def registered(installation: Installation, number: str = "1001") -> None:
    """Have a phone of a mailbox registered."""

    async def save(db: Database) -> None:
        async with db.read() as connection:
            mailbox = await mailboxes.by_extension(connection, 1, number)
        assert mailbox is not None
        binding = Binding(
            company_id=1,
            mailbox_id=mailbox.id,
            aor=f"sip:{number}@voicebox.internal",
            contact=f"sip:{number}@127.0.0.1:5070",
            call_id="c",
            cseq=1,
            expires_at=datetime.now(UTC) + timedelta(hours=1),
            source="udp:127.0.0.1:5070",
        )
        await db.write(lambda connection: registrations.save(connection, binding))

    installation.ask(save)


def steps(answer: dict[str, Any]) -> list[tuple[tuple[str, ...], str, str]]:
    """Return the conditions, the mailbox, and where the call goes."""
    return [(tuple(turn["after"]), turn["mailbox"], turn["to"]) for turn in answer["coverage"]]


def test_without_a_phone_the_mailbox_takes_the_call_at_once(company: Installation) -> None:
    answer = company.json(*CALLER, "--to", "1001")
    assert (answer["from"], answer["to"], answer["decision"]["why"]) == ("+4930123456", "1001", "1001 was called")
    assert answer["coverage"] == [
        {
            "after": [],
            "mailbox": "1001",
            "to": "mailbox",
            "reason": "unavailable",
            "why": "no phone is registered, and the mailbox takes unanswered calls",
        }
    ]


def test_a_registered_phone_rings_and_whatever_it_does_is_followed(company: Installation) -> None:
    registered(company)
    answer = company.json(*CALLER, "--to", "0211 555 1001")
    assert steps(answer) == [
        ((), "1001", "phones"),
        (("1001: busy",), "1001", "mailbox"),
        (("1001: declined",), "1001", "mailbox"),
        (("1001: unavailable",), "1001", "mailbox"),
        (("1001: no-answer",), "1001", "mailbox"),
        (("1001: unreachable",), "1001", "mailbox"),
    ]
    assert [turn.get("reason") for turn in answer["coverage"]] == [
        None, "busy", "busy", "unavailable", "no-answer", "unreachable",
    ]  # fmt: skip
    assert answer["coverage"][0]["length_s"] == 20.0


def test_forwarding_to_a_colleague_is_followed_to_its_end(company: Installation) -> None:
    with_settings(company, 'forward_busy = "1002"\ndnd = true')
    answer = company.json(*CALLER, "--to", "1001")
    assert steps(answer) == [((), "1001", "number"), ((), "1002", "mailbox")]
    assert answer["coverage"][0]["number"] == "1002"


def test_what_is_not_allowed_says_why_and_goes_on(company: Installation) -> None:
    with_settings(company, 'forward_always = "+49 30 1234567"')
    answer = company.json(*CALLER, "--to", "1001")
    assert steps(answer) == [((), "1001", "number"), ((), "1001", "mailbox")]
    assert answer["coverage"][0]["refused"] == "no-peer"


def test_mailboxes_that_forward_in_a_circle_are_a_loop(company: Installation) -> None:
    company.apply(
        DIRECTORY.replace('email = "anna@example.org"', 'forward_always = "1002"') + '\nforward_always = "1001"\n'
    )
    answer = company.json(*CALLER, "--to", "1001")
    assert steps(answer) == [((), "1001", "number"), ((), "1002", "number"), ((), "1001", "refused")]
    assert answer["coverage"][-1]["status"] == 482


def test_a_call_that_was_sent_on_five_times_is_not_forwarded_once_more(company: Installation) -> None:
    with_settings(company, 'forward_always = "+49 30 1234567"')
    foreign = [word for number in range(1, 6) for word in ("--diversion", f"+4930{number}00000")]
    answer = company.json(*CALLER, "--to", "1001", *foreign)
    assert steps(answer) == [((), "1001", "refused")]
    assert (answer["coverage"][0]["status"], answer["decision"]["to"]) == (482, "mailbox")


def test_a_diverted_call_is_a_deposit_without_coverage(company: Installation) -> None:
    answer = company.json(*CALLER, "--to", "8000", "--diversion", "+4930999:unconditional", "--diversion", "1001:busy")
    assert (answer["decision"]["to"], answer["decision"]["reason"], answer["coverage"]) == ("mailbox", "busy", [])
    assert company.json(*CALLER, "--to", "8000")["decision"]["to"] == "portal"
    assert company.json(*CALLER, "--to", "4711")["decision"]["status"] == "404"


def test_it_tells_people_in_sentences(company: Installation) -> None:
    registered(company)
    shown = company.run("explain", "--from", "", "--to", "1001").stdout
    assert "a withheld caller calls 1001: 1001 was called." in shown
    assert "phones, for 20 s" in shown
    assert "a phone is busy, and the mailbox takes calls on busy" in shown
    assert "the voice portal" in company.run(*CALLER, "--to", "8000").stdout
    assert "refused, 404" in company.run(*CALLER, "--to", "4711").stdout


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--from", "nobody", "--to", "1001"), "is no number"),
        (("--from", "", "--to", "1001", "--diversion", "1002:bored"), "the reason must be one of busy, no-answer"),
        (("--from", "", "--to", "1001", "--diversion", "1002:portal"), "the reason must be one of busy, no-answer"),
    ],
)
def test_what_cannot_be_read_is_said(company: Installation, options: tuple[str, ...], why: str) -> None:
    assert why in " ".join(company.run("explain", *options, expect=2).stderr.split())
