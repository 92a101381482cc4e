"""The greetings and switches of mailboxes as flows see them, without a database; changes are compare-and-set."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from voicebox.announcement import Choice, Kind
from voicebox.mailbox import Company, Mailbox
from voicebox.message import Take


class FakeGreetings:
    """Keeps what it is given in `mailboxes` and `clips`, unless told to fail."""

    def __init__(self, mailboxes: list[Mailbox], clips: dict[str, float]) -> None:
        self._mailboxes = mailboxes
        self._clips = clips
        self.chosen: dict[Kind, Choice] = {}
        self.faults: list[Exception] = []
        """What the next recordings are refused for."""
        self.kept: list[tuple[str, str]] = []
        """What was recorded for what: kind or `name`, and the take."""

    async def present(self, mailbox: Mailbox) -> Mailbox:
        return next((each for each in self._mailboxes if each.id == mailbox.id), mailbox)

    def change(self, seen: Mailbox, **changes: Any) -> Mailbox | None:
        for index, each in enumerate(self._mailboxes):
            if each.id == seen.id and all(getattr(each, name) == getattr(seen, name) for name in changes):
                self._mailboxes[index] = replace(each, **changes)
                return self._mailboxes[index]
        return None

    async def choices(self, mailbox: Mailbox) -> dict[Kind, Choice]:
        return self.chosen

    async def record(self, seen: Mailbox, kind: Kind, take: Take) -> Mailbox | None:
        after = self._keep(seen, kind, kind.plays_in or "no_answer_greeting", take)
        if after is not None and kind.plays_in is None:
            self.chosen[kind] = Choice(kind, kind, 1, f"kept-{take.id}", datetime.now(UTC))
        return after

    async def use_default(self, seen: Mailbox, kind: Kind) -> Mailbox | None:
        return self.change(seen, **{kind.plays_in or "": None})

    async def choose_alternative(self, seen: Mailbox, number: int) -> Mailbox | None:
        return self.change(seen, no_answer_greeting=self.chosen[Kind.alternative(number)].audio_id)

    async def set_away(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        return self.change(seen, away=on)

    async def set_away_recording(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        return self.change(seen, away_recording=on)

    async def record_name(self, seen: Mailbox, take: Take) -> Mailbox | None:
        return self._keep(seen, "name", "name_recording", take)

    async def remove_name(self, seen: Mailbox) -> Mailbox | None:
        return self.change(seen, name_recording=None)

    def _keep(self, seen: Mailbox, purpose: str, field: str, take: Take) -> Mailbox | None:
        if self.faults:
            raise self.faults.pop(0)
        after = self.change(seen, **{field: f"kept-{take.id}"})
        if after is not None:
            self._clips[f"kept-{take.id}"] = take.duration_s
            self.kept.append((purpose, take.id))
        return after


class FakeReachability:
    """The switches of calls; `allowed` are the destinations that calls may be sent to, as typed and as dialled."""

    def __init__(self, greetings: FakeGreetings) -> None:
        self._greetings = greetings
        self.allowed = {"1002": "1002", "02115559999": "+492115559999", "+492115559999": "+492115559999"}

    async def set_enabled(self, seen: Mailbox, *, on: bool) -> Mailbox | None:
        return self._greetings.change(seen, enabled=on)

    async def judge(self, company: Company, seen: Mailbox, typed: str) -> str | None:
        return self.allowed.get(typed)

    async def set_destination(self, seen: Mailbox, destination: str) -> Mailbox | None:
        forwarded = {"forward_always": destination} if seen.forward_always is not None else {}
        return self._greetings.change(seen, forward_to=destination, **forwarded)

    async def forward(self, seen: Mailbox, destination: str) -> Mailbox | None:
        return self._greetings.change(seen, forward_always=destination, forward_to=destination)

    async def stop_forwarding(self, seen: Mailbox) -> Mailbox | None:
        return self._greetings.change(seen, forward_always=None, forward_to=seen.forward_to or seen.forward_always)
