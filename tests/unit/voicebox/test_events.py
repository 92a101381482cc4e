"""Events reach everyone, whatever one listener does."""

import pytest

from voicebox.events import AudioSpooled, Event, Events, OutboxGrew


def test_every_subscriber_is_told_in_order() -> None:
    events, first, second = Events(), list[Event](), list[Event]()
    events.subscribe(first.append)
    events.subscribe(second.append)
    events.publish(AudioSpooled("a"))
    events.publish(OutboxGrew("mail-notify"))
    assert first == second == [AudioSpooled("a"), OutboxGrew("mail-notify")]


def test_one_that_fails_keeps_nobody_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    events, told = Events(), list[Event]()

    def fail(_event: Event) -> None:
        raise ValueError("no")

    events.subscribe(fail)
    events.subscribe(told.append)
    events.publish(AudioSpooled("a"))
    assert told == [AudioSpooled("a")]
    assert "AudioSpooled" in caplog.text


def test_who_unsubscribes_is_told_no_more_even_in_the_midst_of_it() -> None:
    events, told = Events(), list[Event]()

    def once(event: Event) -> None:
        told.append(event)
        unsubscribe()
        unsubscribe()

    unsubscribe = events.subscribe(once)
    events.publish(AudioSpooled("a"))
    events.publish(AudioSpooled("b"))
    assert told == [AudioSpooled("a")]
