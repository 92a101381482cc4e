"""Draws the transaction machines: `python -m ivr.sip.diagram > docs/maintainers/sip-transactions.md`.

A test compares that page with the table, so neither changes alone.
"""

import sys
from typing import Final

from ivr.sip.machines import TABLE, Event, Machine, State, Step

_HEAD: Final = """\
# SIP transactions

Generated from `ivr/sip/machines.py` by `python -m ivr.sip.diagram`; a test fails when the two differ.

The four machines of RFC 3261 section 17 with the corrections of RFC 6026. An arrow shows *event / what is done*. Timers
are never stopped: one that fires in a state without an arrow for it is void. Steps that only absorb a message are left
out of the pictures and listed in the tables.
"""

_SIDES: Final = {
    Machine.INVITE_CLIENT: "Our INVITE. Responses come from the network.",
    Machine.INVITE_SERVER: "A peer's INVITE. Responses come from our user agent.",
    Machine.CLIENT: "Any other request of ours, CANCEL included. Responses come from the network.",
    Machine.SERVER: "Any other request of a peer, CANCEL included. Responses come from our user agent.",
}


def page() -> str:
    """Return the whole page as Markdown."""
    return "\n".join([_HEAD, *(_section(machine) for machine in Machine)])


def picture(machine: Machine) -> str:
    """Return one machine as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for state, event, step in _steps(machine):
        if not step.acts and state is step.to and not step.start:
            continue
        begin = "[*]" if state is State.NEW else state.value
        end = "[*]" if step.to is State.TERMINATED else step.to.value
        lines.append(f"    {begin} --> {end}: {event.value}{_deeds(step)}")
    return "\n".join(lines)


def _section(machine: Machine) -> str:
    rows = [
        f"| {state.value} | {event.value} | {step.to.value} | {', '.join(act.value for act in step.acts)} "
        f"| {', '.join(_letter(timer) for timer in step.start)} | {step.rfc} |"
        for state, event, step in _steps(machine)
    ]
    return "\n".join(
        [
            f"## {machine.value[0].upper()}{machine.value[1:]}",
            "",
            _SIDES[machine],
            "",
            "```mermaid",
            picture(machine),
            "```",
            "",
            "| state | event | then | done | timers started | by |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _steps(machine: Machine) -> list[tuple[State, Event, Step]]:
    return [(state, event, step) for state, steps in TABLE[machine].items() for event, step in steps.items()]


def _deeds(step: Step) -> str:
    deeds = [act.value for act in step.acts]
    if step.start:
        deeds.append("start " + " ".join(_letter(timer) for timer in step.start))
    return " / " + ", ".join(deeds) if deeds else ""


def _letter(timer: Event) -> str:
    return timer.value.removeprefix("timer ")


if __name__ == "__main__":
    sys.stdout.write(page())
