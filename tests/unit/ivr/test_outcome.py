"""How calls are counted, once they are over."""

from typing import Any

import pytest

from ivr.covering import Talked
from ivr.outcome import count_events, others_rang, outcome_of
from voicebox.arrival import Decision, Refused, ToMailbox, ToPortal
from voicebox.i18n import Language
from voicebox.mailbox import Mailbox
from voicebox.message import Reason
from voicebox.metrics import CallResult, Metrics

BOX = Mailbox(1, 1, "1001", None, "Anna", Language.DE, "Europe/Berlin")
TO_MAILBOX = ToMailbox(BOX, Reason.BUSY, None, "own number")
TO_PORTAL = ToPortal("portal number")
REFUSED = Refused(404, "nobody's number")
GREETED = {"event": "prompt", "id": "greeting-busy", "t": 0.5}
RANG = {"event": "coverage", "to": "phones", "t": 0.0}
PICKED_UP = {"event": "coverage", "to": "answered", "by": "sip:1001@192.0.2.7", "t": 4.0}
LEFT = {"event": "message", "id": "0" * 32, "t": 9.0}
SIGNED_IN = {"event": "login", "mailbox": "1001", "ok": True, "by": "pin", "t": 4.0}
WRONG = {"event": "login", "mailbox": "1001", "ok": False, "by": "pin", "t": 4.0}
LOCKED = {"event": "locked", "t": 4.1}


@pytest.mark.parametrize(
    ("decision", "trace", "result"),
    [
        (TO_MAILBOX, [GREETED, LEFT], CallResult.MESSAGE),
        (TO_MAILBOX, [GREETED], CallResult.NO_MESSAGE),
        (TO_MAILBOX, [GREETED, WRONG], CallResult.NO_MESSAGE),
        (TO_MAILBOX, [GREETED, SIGNED_IN], CallResult.PORTAL),
        (TO_MAILBOX, [RANG, GREETED, LEFT], CallResult.MESSAGE),
        (Talked(BOX), [RANG, PICKED_UP], CallResult.CONNECTED),
        (TO_PORTAL, [SIGNED_IN], CallResult.PORTAL),
        (TO_PORTAL, [WRONG, LOCKED], CallResult.PORTAL),
        (TO_PORTAL, [SIGNED_IN, LEFT], CallResult.PORTAL),
    ],
)
def test_an_answered_call_counts_as_what_was_done(
    decision: Decision | Talked, trace: list[dict[str, Any]], result: CallResult
) -> None:
    assert outcome_of(decision, trace, answered=True, cancelled=False) is result


@pytest.mark.parametrize("decision", [TO_MAILBOX, TO_PORTAL, REFUSED, None])
def test_a_call_that_was_not_answered_was_given_up_or_refused(decision: Decision | None) -> None:
    assert outcome_of(decision, [], answered=False, cancelled=True) is CallResult.CANCELLED
    assert outcome_of(decision, [], answered=False, cancelled=False) is CallResult.REFUSED


def test_the_time_that_phones_rang_is_not_ours() -> None:
    assert others_rang([RANG, PICKED_UP])
    assert not others_rang([{"event": "coverage", "to": "mailbox", "t": 0.0}, GREETED])


def test_messages_and_logins_are_counted_from_the_trace() -> None:
    metrics = Metrics(process=False)
    count_events(metrics, [GREETED, LEFT, WRONG, WRONG, LOCKED, SIGNED_IN])
    assert metrics.value("voicebox_messages_total", how="deposited") == 1
    assert metrics.value("voicebox_logins_total", result="ok") == 1
    assert metrics.value("voicebox_logins_total", result="wrong") == 1
    assert metrics.value("voicebox_logins_total", result="locked") == 1


def test_what_came_of_transfers_is_counted_from_the_trace() -> None:
    metrics = Metrics(process=False)
    count_events(metrics, [{"event": "transfer", "to": "1002", "result": result} for result in ("busy", "connected")])
    assert metrics.value("voicebox_transfers_total", result="busy") == 1
    assert metrics.value("voicebox_transfers_total", result="connected") == 1


def test_copies_that_a_subscriber_sent_are_counted_from_the_trace() -> None:
    metrics = Metrics(process=False)
    count_events(metrics, [{"event": "sending", "id": "1", "kind": "forward", "sent": 3, "missed": 1}])
    assert metrics.value("voicebox_messages_total", how="forwarded") == 3
