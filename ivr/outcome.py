"""How a call is counted: what its trace and its decision say of it, once it is over. I/O-free."""

from typing import Any

from ivr.covering import Talked
from voicebox.arrival import Decision, Refused, ToPortal
from voicebox.metrics import CallResult, Metrics


def outcome_of(
    decision: Decision | Talked | None, trace: list[dict[str, Any]], *, answered: bool, cancelled: bool
) -> CallResult:
    """Return how a call ended that was not refused for want of room and did not fail.

    Args:
        decision: where it was to go; None where it never came to that.
        trace: its entries.
        answered: whether our 200 went out.
        cancelled: whether the caller gave up before.
    """
    if not answered:
        return CallResult.CANCELLED if cancelled else CallResult.REFUSED
    events = {str(entry["event"]) for entry in trace}
    signed_in = any(entry["event"] == "login" and entry.get("ok") for entry in trace)
    connected = any(entry["event"] == "coverage" and entry["to"] == "answered" for entry in trace)
    match decision:
        case ToPortal():
            return CallResult.PORTAL
        case _ if connected:
            return CallResult.CONNECTED
        case _ if "message" in events:
            return CallResult.MESSAGE
        case _ if signed_in:  # by `*` while the greeting played
            return CallResult.PORTAL
        case Refused() | None:
            return CallResult.REFUSED
        case _:
            return CallResult.NO_MESSAGE


def others_rang(trace: list[dict[str, Any]]) -> bool:
    """Tell whether phones rang before the answer: then how long that took says nothing of us."""
    return any(entry["event"] == "coverage" and entry["to"] in {"phones", "number"} for entry in trace)


def count_events(metrics: Metrics, trace: list[dict[str, Any]]) -> None:
    """Count what a call's trace tells of: messages left and sent, transfers, and logins."""
    wrong = locked = 0
    for entry in trace:
        match entry:
            case {"event": "message"}:
                metrics.message_taken("deposited")
            case {"event": "sending", "sent": int(copies)}:
                metrics.message_taken("forwarded", copies)
            case {"event": "transfer", "result": str(result)}:
                metrics.transfer(result)
            case {"event": "login", "ok": True}:
                metrics.login("ok")
            case {"event": "login"}:
                wrong += 1
            case {"event": "locked"}:
                locked += 1
    for _ in range(max(0, wrong - locked)):  # the try that meets a lock is noted as both
        metrics.login("wrong")
    for _ in range(locked):
        metrics.login("locked")
