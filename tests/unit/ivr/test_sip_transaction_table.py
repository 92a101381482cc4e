"""The table of the transaction machines: complete, reachable, ends, and drawn in the docs."""

from pathlib import Path

import pytest

from ivr.sip.diagram import page, picture
from ivr.sip.machines import TABLE, TIMERS, Act, Event, Machine, State

LIVING = [
    (machine, state) for machine in Machine for state in TABLE[machine] if state not in {State.NEW, State.TERMINATED}
]

PEER_EVENTS = {
    Machine.INVITE_CLIENT: {Event.PROVISIONAL, Event.SUCCESS, Event.FAILURE},
    Machine.INVITE_SERVER: {Event.REQUEST, Event.ACK},
    Machine.CLIENT: {Event.PROVISIONAL, Event.SUCCESS, Event.FAILURE},
    Machine.SERVER: {Event.REQUEST},
}

STATES = {
    Machine.INVITE_CLIENT: "New Calling Proceeding Completed Accepted Terminated",
    Machine.INVITE_SERVER: "New Proceeding Completed Confirmed Accepted Terminated",
    Machine.CLIENT: "New Trying Proceeding Completed Terminated",
    Machine.SERVER: "New Trying Proceeding Completed Terminated",
}

ALL_TIMERS = {
    Machine.INVITE_CLIENT: {Event.TIMER_A, Event.TIMER_B, Event.TIMER_D, Event.TIMER_M, Event.TIMER_CANCEL},
    Machine.INVITE_SERVER: {Event.TIMER_G, Event.TIMER_H, Event.TIMER_I, Event.TIMER_L},
    Machine.CLIENT: {Event.TIMER_E, Event.TIMER_F, Event.TIMER_K},
    Machine.SERVER: {Event.TIMER_J, Event.TIMER_USELESS},
}


@pytest.mark.parametrize("machine", list(Machine))
def test_a_machine_has_the_states_of_its_rfc_and_no_others(machine: Machine) -> None:
    assert {state.value for state in TABLE[machine]} == set(STATES[machine].split())


@pytest.mark.parametrize("machine", list(Machine))
def test_a_machine_has_the_timers_of_its_rfc_and_no_others(machine: Machine) -> None:
    fired = {event for steps in TABLE[machine].values() for event in steps if event in TIMERS}
    assert fired == ALL_TIMERS[machine]


@pytest.mark.parametrize(("machine", "state"), LIVING)
def test_nothing_a_peer_or_the_network_does_is_illegal(machine: Machine, state: State) -> None:
    assert PEER_EVENTS[machine] | {Event.TRANSPORT_ERROR} <= set(TABLE[machine][state])


@pytest.mark.parametrize("machine", list(Machine))
def test_every_state_can_be_reached_and_ends_by_itself(machine: Machine) -> None:
    reached = {State.NEW}
    while more := {step.to for state in reached for step in TABLE[machine][state].values()} - reached:
        reached |= more
    assert reached == set(TABLE[machine])
    # An INVITE of a peer that our user agent lets ring is the only thing without an end in sight: no RFC bounds it.
    endless = {state for state in reached if not _ends(machine, state)}
    assert endless == ({State.NEW, State.PROCEEDING} if machine is Machine.INVITE_SERVER else set())


def _ends(machine: Machine, state: State) -> bool:
    """Whether timers and the first step alone lead from here to the end."""
    seen = {state}
    while True:
        steps = [TABLE[machine][each].items() for each in seen]
        on = {step.to for each in steps for event, step in each if event in TIMERS or event is Event.REQUEST} - seen
        if not on:
            return State.TERMINATED in seen
        seen |= on


@pytest.mark.parametrize("machine", list(Machine))
def test_no_state_is_entered_twice_so_timers_need_no_stopping(machine: Machine) -> None:
    order = list(TABLE[machine])
    for state, steps in TABLE[machine].items():
        for step in steps.values():
            assert order.index(step.to) >= order.index(state) or step.to is State.ACCEPTED


@pytest.mark.parametrize("machine", list(Machine))
def test_a_timer_belongs_to_the_state_that_starts_it_or_to_those_after(machine: Machine) -> None:
    for steps in TABLE[machine].values():
        for step in steps.values():
            for timer in step.start:
                # Over a reliable transport D, I, J and K are zero: they fire in the very state they start in.
                assert timer in TABLE[machine][step.to]


@pytest.mark.parametrize("machine", list(Machine))
def test_every_step_cites_its_source(machine: Machine) -> None:
    for steps in TABLE[machine].values():
        for step in steps.values():
            assert "RFC " in step.rfc


@pytest.mark.parametrize("machine", list(Machine))
def test_only_invite_clients_acknowledge(machine: Machine) -> None:
    acts = {act for steps in TABLE[machine].values() for step in steps.values() for act in step.acts}
    assert (Act.ACK in acts) == (machine is Machine.INVITE_CLIENT)


def test_the_maintainers_page_is_drawn_from_the_table() -> None:
    drawn = Path(__file__).parents[3] / "docs" / "maintainers" / "sip-transactions.md"
    assert drawn.read_text(encoding="utf-8") == page(), (
        "python -m ivr.sip.diagram > docs/maintainers/sip-transactions.md"
    )


def test_a_picture_shows_entry_exit_and_what_is_done() -> None:
    drawn = picture(Machine.INVITE_SERVER)
    assert "[*] --> Proceeding: request / tell user" in drawn
    assert "Proceeding --> Completed: 300-699 / send, start G H" in drawn
    assert "Completed --> [*]: timer H / tell timeout" in drawn
    assert "Confirmed --> Confirmed" not in drawn
