"""Why a call reached us: RFC 4458, History-Info and Diversion, by the rules of "Where a call goes"."""

import pytest

from ivr.sip.diversion import CAUSES, HISTORY_MAX, TOKENS, arrival_of, reason_of_cause
from ivr.sip.headers import Headers
from ivr.sip.message import Request
from ivr.sip.uri import Uri
from voicebox.arrival import Arrival, Diversion
from voicebox.message import Reason


def arrival(uri: str = "sip:900@vb", *headers: tuple[str, str]) -> Arrival:
    given = Headers([("From", "<sip:+4921112345@pbx>;tag=1"), *headers])
    return arrival_of(Request("INVITE", Uri.parse(uri), given), identity="from", trusted=False)


def history(*entries: str, uri: str = "sip:900@vb") -> list[tuple[str, str]]:
    found = arrival(uri, ("History-Info", ", ".join(entries))).diversions
    return [(diversion.number, diversion.reason.value) for diversion in found]


def test_a_call_without_any_of_it() -> None:
    plain = arrival("sip:900@vb;transport=tcp")
    assert (plain.called, plain.target, plain.target_reason, plain.diversions) == ("900", None, None, ())
    assert plain.caller.number == "+4921112345"
    assert arrival("sip:vb").called == ""
    assert arrival("tel:+49-211-900").called == "+49-211-900"


@pytest.mark.parametrize(
    ("value", "user"),
    [
        ("1001", "1001"),
        ("1001%40pbx.example", "1001"),
        ("sip:1001%40pbx.example", "1001"),
        ("sip:1001@pbx.example", "1001"),
        ("sip%3A%2B4921155501%40pbx%3Buser%3Dphone", "+4921155501"),
        ("tel:+4921155501", "+4921155501"),
        ("tel%3A%2B4921155501", "+4921155501"),
        ("%3Csip%3A1001%40pbx%3E", "1001"),
        ("sip:1001", "1001"),
        ("bob:x%40pbx", "bob:x"),
    ],
)
def test_the_target_of_rfc_4458(value: str, user: str) -> None:
    found = arrival(f"sip:900@vb;target={value};cause=486")
    assert found.called == "900"
    assert found.target == user
    assert found.target_reason is Reason.BUSY


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("486", Reason.BUSY),
        ("408", Reason.NO_ANSWER),
        ("302", Reason.UNCONDITIONAL),
        ("480", Reason.UNAVAILABLE),
        ("487", Reason.UNAVAILABLE),
        ("404", Reason.UNREACHABLE),
        ("503", Reason.UNREACHABLE),
        ("380", Reason.UNAVAILABLE),
        ("999", Reason.UNAVAILABLE),
        ("x", Reason.UNAVAILABLE),
    ],
)
def test_causes(cause: str, reason: Reason) -> None:
    assert reason_of_cause(cause) is reason
    assert arrival(f"sip:900@vb;target=1001;cause={cause}").target_reason is reason


def test_no_cause_is_no_reason() -> None:
    assert reason_of_cause(None) is None
    assert arrival("sip:900@vb;target=1001").target_reason is None
    assert set(CAUSES) == {302, 404, 408, 480, 486, 487, 503}


def test_a_target_leaves_the_diversions_readable() -> None:
    found = arrival("sip:900@vb;target=1001;cause=486", ("Diversion", "<sip:1002@pbx>;reason=no-answer"))
    assert found.target == "1001"
    assert found.diversions == (Diversion("1002", Reason.NO_ANSWER),)


def test_the_reason_is_the_cause_of_the_entry_that_follows() -> None:
    assert history("<sip:1001@pbx>;index=1", "<sip:900@vb;cause=486>;index=1.1;mp=1") == [("1001", "busy")]


def test_a_cause_marks_a_diversion_without_mp() -> None:
    assert history("<sip:1001@pbx>;index=1", "<sip:900@vb;cause=408>;index=1.1") == [("1001", "no-answer")]


def test_without_a_cause_the_reason_is_in_the_diverting_entry() -> None:
    entry = "<sip:1001@pbx?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%20Here%22>;index=1"
    assert history(entry, "<sip:900@vb>;index=1.1;mp=1") == [("1001", "busy")]


def test_the_cause_wins_over_the_escaped_reason() -> None:
    entry = "<sip:1001@pbx?Reason=SIP%3Bcause%3D486>;index=1"
    assert history(entry, "<sip:900@vb;cause=408>;index=1.1;mp=1") == [("1001", "no-answer")]


def test_a_diversion_without_any_reason_is_unavailable() -> None:
    assert history("<sip:1001@pbx>;index=1", "<sip:900@vb>;index=1.1;mp=1") == [("1001", "unavailable")]


def test_a_chain_comes_oldest_first_whatever_the_order_on_the_wire() -> None:
    entries = [
        "<sip:900@vb;cause=408>;index=1.1.1;mp=1.1",
        "<sip:1001@pbx>;index=1",
        "<sip:1002@pbx;cause=302>;index=1.1;mp=1",
    ]
    assert history(*entries) == [("1001", "unconditional"), ("1002", "no-answer")]


def test_index_ten_comes_after_two() -> None:
    entries = ["<sip:900@vb;cause=486>;index=1.10;mp=1.2", "<sip:1002@pbx>;index=1.2", "<sip:1001@pbx>;index=1"]
    assert history(*entries) == [("1002", "busy")]


def test_contacts_and_routing_steps_are_no_diversions() -> None:
    assert history("<sip:1001@pbx>;index=1", "<sip:1001@10.0.0.7>;index=1.1;rc=1") == []
    assert history("<sip:1001@pbx>;index=1", "<sip:1001@edge>;index=1.1;np=1") == []


def test_a_service_number_diverted_nobody() -> None:
    # RFC 8119
    assert history("<sip:0800@pbx>;index=1", "<sip:1001@pbx;cause=380>;index=1.1;mp=1", uri="sip:1001@vb") == []
    entries = [
        "<sip:0800@pbx>;index=1",
        "<sip:1001@pbx;cause=380>;index=1.1;mp=1",
        "<sip:900@vb;cause=486>;index=1.1.1;mp=1.1",
    ]
    assert history(*entries) == [("1001", "busy")]


def test_a_contact_that_was_tried_stands_for_its_user() -> None:
    # The shape of RFC 7044 section 10.3: the contact failed, then the user's number was mapped to the mailbox.
    entries = [
        "<sip:bob@example.com>;index=1",
        "<sip:x7k2@192.0.2.4?Reason=SIP%3Bcause%3D408>;index=1.1;rc=1",
        "<sip:900@vb>;index=1.2;mp=1",
    ]
    assert history(*entries) == [("bob", "no-answer")]
    without_mp = [*entries[:2], "<sip:900@vb;cause=408>;index=1.2"]
    assert history(*without_mp) == [("bob", "no-answer")]


def test_old_history_info_knows_only_reasons() -> None:
    # RFC 4244 had neither mp nor rc.
    entries = ["<sip:1001@pbx?Reason=SIP%3Bcause%3D302>;index=1", "<sip:900@vb>;index=1.1"]
    assert history(*entries) == [("1001", "unconditional")]
    q850 = ["<sip:1001@pbx?Privacy=none&Reason=Q.850%3Bcause%3D17>;index=1", "<sip:900@vb>;index=1.1"]
    assert history(*q850) == [("1001", "busy")]


@pytest.mark.parametrize("reason", ["SIP", "SIP%3Bcause%3Dx", "SIP%3B%3D", "SIP%3Bcause%3D380", "Odd%3Bcause%3D17"])
def test_escaped_reasons_that_say_nothing(reason: str) -> None:
    assert history(f"<sip:1001@pbx?Reason={reason}>;index=1", "<sip:900@vb>;index=1.1") == []
    both = f"<sip:1001@pbx?Reason={reason}%2CSIP%3Bcause%3D486>;index=1"
    assert history(both, "<sip:900@vb>;index=1.1") == [("1001", "busy")]


def test_an_exchange_that_leaves_us_out_of_the_history() -> None:
    assert history("<sip:1001@pbx?Reason=SIP%3Bcause%3D486>;index=1") == [("1001", "busy")]
    assert history("<sip:900@vb?Reason=SIP%3Bcause%3D486>;index=1") == []


def test_unmarked_entries_are_no_diversions() -> None:
    assert history("<sip:1001@pbx>;index=1", "<sip:900@vb>;index=1.1") == []
    assert history("<sip:900@vb>;index=1") == []


def test_repeated_history_headers_are_one_list() -> None:
    found = arrival(
        "sip:900@vb",
        ("History-Info", "<sip:1001@pbx>;index=1"),
        ("History-Info", "<sip:900@vb;cause=486>;index=1.1;mp=1"),
    )
    assert found.diversions == (Diversion("1001", Reason.BUSY),)


def test_history_info_wins_over_diversion_when_it_says_anything() -> None:
    diversion = ("Diversion", "<sip:1002@pbx>;reason=no-answer")
    telling = ("History-Info", "<sip:1001@pbx>;index=1, <sip:900@vb;cause=486>;index=1.1;mp=1")
    silent = ("History-Info", "<sip:900@vb>;index=1")
    assert arrival("sip:900@vb", diversion, telling).diversions == (Diversion("1001", Reason.BUSY),)
    assert arrival("sip:900@vb", diversion, silent).diversions == (Diversion("1002", Reason.NO_ANSWER),)


def test_diversions_come_oldest_first_from_lists_and_repeated_headers_alike() -> None:
    one_line = arrival(
        "sip:900@vb", ("Diversion", "<sip:1002@pbx>;reason=user-busy, <sip:1001@pbx>;reason=unconditional;counter=1")
    )
    two_lines = arrival(
        "sip:900@vb",
        ("Diversion", "<sip:1002@pbx>;reason=user-busy"),
        ("Diversion", "<sip:1001@pbx>;reason=unconditional"),
    )
    expected = (Diversion("1001", Reason.UNCONDITIONAL), Diversion("1002", Reason.BUSY))
    assert one_line.diversions == two_lines.diversions == expected


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("user-busy", Reason.BUSY),
        ("do-not-disturb", Reason.BUSY),
        ("no-answer", Reason.NO_ANSWER),
        ("unconditional", Reason.UNCONDITIONAL),
        ("deflection", Reason.UNAVAILABLE),
        ("time-of-day", Reason.UNAVAILABLE),
        ("follow-me", Reason.UNAVAILABLE),
        ("away", Reason.UNAVAILABLE),
        ("unavailable", Reason.UNAVAILABLE),
        ("out-of-service", Reason.UNAVAILABLE),
        ("unknown", Reason.UNAVAILABLE),
        ("something-new", Reason.UNAVAILABLE),
        ('"User-Busy"', Reason.BUSY),
    ],
)
def test_reason_tokens(token: str, reason: Reason) -> None:
    found = arrival("sip:900@vb", ("Diversion", f'"Bob" <tel:+4921155501>;reason={token};privacy=off'))
    assert found.diversions == (Diversion("+4921155501", reason),)
    assert len(TOKENS) == 4


def test_what_does_not_parse_is_passed_over() -> None:
    found = arrival(
        "sip:900@vb;target=",
        ("Diversion", "nonsense, <sip:1001@pbx>, <sip:pbx>;reason=user-busy"),
        ("History-Info", 'x, "<sip:1@h>, <sip:1002@h;cause=486>;index=x'),
    )
    assert found.target is None
    assert found.diversions == (Diversion("1001", Reason.UNAVAILABLE),)


def test_a_history_without_end_is_bounded() -> None:
    entries = [f"<sip:{1000 + at}@pbx;cause=486>;index={'1.' * (at % 9)}{at}" for at in range(500)]
    assert len(history(*entries)) < HISTORY_MAX
