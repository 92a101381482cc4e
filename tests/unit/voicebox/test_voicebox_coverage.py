"""Row 9: who takes a call for a mailbox's own number, and why: every combination there is."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from tests.fakes.voicemail import ANNA
from voicebox.arrival import DIVERSIONS_MAX
from voicebox.coverage import Forward, Record, Refuse, Ring, Rung, Step, When, cover, in_a_circle
from voicebox.mailbox import Mailbox
from voicebox.message import Reason

ALWAYS, BUSY, NO_ANSWER, UNREACHABLE = "+4930100", "+4930200", "+4930300", "+4930400"
AT_ONCE, LATER = 0, 3


def combinations() -> Iterator[Mailbox]:
    """Return a mailbox for every combination of the settings that count: 1,024 of them."""
    yes_no = (False, True)
    for always, busy, no_answer, unreachable, send_all, send_busy, send_no_answer, dnd, enabled, at_once in product(
        *[yes_no] * 10
    ):
        yield replace(
            ANNA,
            forward_always=ALWAYS if always else None,
            forward_busy=BUSY if busy else None,
            forward_no_answer=NO_ANSWER if no_answer else None,
            forward_unreachable=UNREACHABLE if unreachable else None,
            send_all=send_all,
            send_busy=send_busy,
            send_no_answer=send_no_answer,
            dnd=dnd,
            enabled=enabled,
            rings=AT_ONCE if at_once else LATER,
        )


def expected(box: Mailbox, rung: Rung) -> tuple[str, object]:
    """Say the rule once more, as a list of whoever may take the call: the first who may, does."""
    busy = box.dnd or rung in {Rung.BUSY, Rung.DECLINED}
    unanswered_taken = bool(box.forward_no_answer) or (box.enabled and box.send_no_answer)
    at_once = rung is Rung.NOT_YET and box.rings == AT_ONCE and unanswered_taken
    rings = rung is Rung.NOT_YET and not busy and not at_once
    unreachable = not busy and rung in {Rung.UNREACHABLE, Rung.UNREGISTERED}
    unanswered = not busy and not rings
    length_s = 20.0 if box.rings == AT_ONCE else 15.0
    reason = {
        Rung.NOT_YET: Reason.NO_ANSWER,
        Rung.NO_ANSWER: Reason.NO_ANSWER,
        Rung.UNREACHABLE: Reason.UNREACHABLE,
    }.get(rung, Reason.UNAVAILABLE)
    takers: list[tuple[bool, tuple[str, object]]] = [
        (bool(box.forward_always), ("forward", ALWAYS)),
        (box.enabled and box.send_all, ("record", Reason.UNCONDITIONAL)),
        (rings, ("ring", length_s)),
        (busy and bool(box.forward_busy), ("forward", BUSY)),
        (busy and box.enabled and box.send_busy, ("record", Reason.BUSY)),
        (busy, ("refuse", 486)),
        (not busy and rung is Rung.DEFLECTED and box.enabled, ("record", Reason.UNAVAILABLE)),
        (unreachable and bool(box.forward_unreachable), ("forward", UNREACHABLE)),
        (unanswered and bool(box.forward_no_answer), ("forward", NO_ANSWER)),
        (unanswered and box.enabled and box.send_no_answer, ("record", reason)),
        (unanswered, ("refuse", 480)),
    ]
    return next(what for may, what in takers if may)


def told(step: Step) -> tuple[str, object]:
    match step:
        case Ring(length_s):
            return "ring", length_s
        case Forward(number):
            return "forward", number
        case Record(reason):
            return "record", reason
        case Refuse(status):
            return "refuse", status


@pytest.mark.parametrize("rung", Rung)
def test_the_whole_truth_table(rung: Rung) -> None:
    for box in combinations():
        assert told(cover(box, rung)) == expected(box, rung), (box, rung)


def test_every_step_says_why_in_a_sentence_of_its_own() -> None:
    reasons: dict[str, tuple[str, object]] = {}
    for box, rung in product(combinations(), Rung):
        step = cover(box, rung)
        assert step.facts["why"] == step.why
        assert 15 <= len(step.why) <= 90
        if not isinstance(step, Ring):
            # One sentence never stands for two different ends.
            assert reasons.setdefault(step.why, told(step)) == told(step)


def test_a_forwarding_that_is_ruled_out_is_as_good_as_off() -> None:
    for box, rung, when in product(combinations(), Rung, When):
        off = {
            When.ALWAYS: replace(box, forward_always=None),
            When.BUSY: replace(box, forward_busy=None),
            When.NO_ANSWER: replace(box, forward_no_answer=None),
            When.UNREACHABLE: replace(box, forward_unreachable=None),
            When.DEFLECTED: box,
        }[when]
        assert cover(box, rung, ruled_out={when}) == cover(off, rung)


def test_a_deflection_goes_where_the_phone_said_before_anything_that_is_set_for_unanswered_calls() -> None:
    for box in combinations():
        settled = box.forward_always or (box.enabled and box.send_all) or box.dnd
        step = cover(box, Rung.DEFLECTED, deflected_to="1002")
        if settled:
            assert step == cover(box, Rung.UNAVAILABLE)
        else:
            assert step == Forward("1002", When.DEFLECTED, None, "a phone deflected the call to this number")
        # One that may not be dialled is as good as unanswered.
        refused = cover(box, Rung.DEFLECTED, deflected_to="1002", ruled_out={When.DEFLECTED})
        assert told(refused) == told(cover(box, Rung.UNAVAILABLE))


def test_security_row_25_a_call_that_was_sent_on_five_times_is_not_sent_on_once_more() -> None:
    for box, rung in product(combinations(), Rung):
        step = cover(box, rung, deflected_to="1002")
        assert cover(box, rung, deflected_to="1002", sent_on=DIVERSIONS_MAX - 1) == step
        last = cover(box, rung, deflected_to="1002", sent_on=DIVERSIONS_MAX)
        assert told(last) == (("refuse", 482) if isinstance(step, Forward) else told(step))


def test_security_row_25_a_call_that_comes_back_goes_in_a_circle() -> None:
    bert, carla = replace(ANNA, id=2, number="1002"), replace(ANNA, id=3, number="1003")
    assert in_a_circle(bert, carla, {ANNA.id, bert.id}) is None
    for back in (ANNA, bert):
        loop = in_a_circle(bert, back, {ANNA.id, bert.id})
        assert loop == Refuse(482, f"mailboxes 1002 and {back.number} forward in a circle")


@pytest.mark.parametrize(("rings", "length_s"), [(2, 10.0), (4, 20.0), (20, 100.0)])
def test_row_10_one_ring_is_five_seconds(rings: int, length_s: float) -> None:
    assert told(cover(replace(ANNA, rings=rings), Rung.NOT_YET)) == ("ring", length_s)


def test_row_10_no_ring_at_all_takes_the_call_at_once() -> None:
    assert told(cover(replace(ANNA, rings=0), Rung.NOT_YET)) == ("record", Reason.NO_ANSWER)


def test_phones_that_nothing_covers_ring_all_the_same() -> None:
    alone = replace(ANNA, rings=0, send_no_answer=False)
    assert told(cover(alone, Rung.NOT_YET)) == ("ring", 20.0)


def test_row_7_a_mailbox_that_is_off_takes_nothing() -> None:
    for box, rung in product(combinations(), Rung):
        if not box.enabled:
            assert not isinstance(cover(box, rung), Record)
