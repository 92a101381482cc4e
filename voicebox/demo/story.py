"""The story: a message is left, voicebox does what it should, and the subscriber fetches it; act by act.

Every wait has a deadline, and every claim on the screen was seen from outside: by the phone, at the PBX's lamp, at
the mail server or through the API.
"""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from prompts import phrases
from voicebox.demo.company import PORTAL, Company
from voicebox.demo.faults import DemoError
from voicebox.demo.handset import Caller, Handset, handset
from voicebox.demo.hearing import recognise
from voicebox.demo.lamp import Lamps
from voicebox.demo.letters import Letter, Letterbox
from voicebox.demo.service import Ready, Service
from voicebox.demo.speech import Spoken, Voices, written
from voicebox.demo.stage import Act, Kind, Row, Stage
from voicebox.demo.strip import Strip
from voicebox.demo.wording import Words
from voicebox.message import Counts

PROMPT_S: Final = 60.0
"""For a prompt to be over: the longest one here takes 10 s."""
LIGHT_S: Final = 20.0
"""It comes within a second (Deliver 6); on a busy machine later."""
MAIL_S: Final = 60.0
TEXT_LINES: Final = 8
"""Of a mail's text that are shown."""


class Story:
    """One run of the demo, on a stage."""

    def __init__(
        self, stage: Stage, words: Words, company: Company, *, service: Service, lamps: Lamps, letterbox: Letterbox
    ) -> None:
        self._stage = stage
        self._words = words
        self._company = company
        self._service = service
        self._lamps = lamps
        self._letterbox = letterbox
        self._voices = Voices(company.language)
        self._spoken = self._voices.message(company.customer.number, company.country_code)
        self._hung_up_at = 0.0
        self._greeting = self._voices.prompt("greeting-unavailable")

    # -- act 1

    async def set_up(self) -> None:
        """Show the house, and prepare it as an administrator would; `serving` follows."""
        words, company = self._words, self._company
        self._begin(words.house)
        people = ", ".join(f"{each.name} {each.number}" for each in company.members)
        self._fact(words.company, f"{company.name}: {people}")
        self._fact(words.folder, str(self._service.folder))
        self._fact(words.mail_server, words.mail_server_is.format(port=self._letterbox.port))
        self._command(f"voicebox apply {self._service.directory.name}")
        await self._service.voicebox("apply", str(self._service.directory))
        self._command("voicebox token --scope admin")
        self._command("voicebox serve")

    def listening(self, ready: Ready) -> None:
        """Show where it listens."""
        self._fact(self._words.service, " · ".join(ready.sip))
        self._fact(self._words.web, ready.web)
        self._stage.end()

    # -- act 2

    async def leave_message(self, ready: Ready) -> None:
        """Let the customer call; the token for the API, which the next act needs, is made meanwhile."""
        await asyncio.gather(self._leave_message(ready), self._service.make_token())

    async def _leave_message(self, ready: Ready) -> None:
        """Let the customer hear the greeting and the tone, speak, and hang up."""
        words, company = self._words, self._company
        caller = company.customer
        first_name = caller.name.split()[0]
        act = self._begin(words.calls.format(caller=caller.name, anna=company.anna.name), Strip(first_name))
        async with self._phone(caller, ready, act) as phone:
            self._fact(words.phone, words.phone_is)
            self._at(0.0, words.dials.format(number=company.anna.number))
            self._at(await phone.dial(company.anna.number), words.picks_up)
            heard = await phone.hear(self._greeting, PROMPT_S)
            self._heard(heard.t, self._greeting)
            tone = await phone.hear_tone(PROMPT_S)
            if act.strip is not None:
                act.strip.add_tone(phone.t)
            level = f"{tone.level_dbfs:.1f}".replace("-", "−")
            self._at(phone.t, f"{words.tone}: {words.tone_is.format(length=tone.length_ms, level=level)}")
            await phone.say(self._spoken)
            self._said(phone.t, self._spoken)
            self._hung_up_at = time.monotonic()
            await phone.hang_up()
            self._at(phone.t, words.hangs_up)
        self._stage.end()

    # -- act 3

    async def look(self) -> None:
        """Show what came of it: the decision, the trace, the light, the message, and the mail."""
        words, anna = self._words, self._company.anna
        self._begin(words.made)
        light = await self._lamps.wait(anna.number, lambda at: at.on and at.new == 1, LIGHT_S, "message light")
        after_ms = round(1000 * (light.at - self._hung_up_at))
        self._fact(words.light, words.light_on.format(after=max(0, after_ms), new=light.new, saved=light.saved))
        call = await self._service.last_call(1)
        self._decision(call)
        self._trace(call)
        (message,) = await self._messages("new", 1)
        self._message(message)
        letter = await self._letterbox.next(MAIL_S)
        after = f"{max(0.0, letter.at - self._hung_up_at):.1f}"
        self._fact(words.mail, words.mail_is.format(after=after))
        self._letter(letter)
        self._stage.end()

    def _decision(self, call: dict[str, Any]) -> None:
        if (call["mailbox"], call["reason"]) != (self._company.anna.number, "no-answer"):
            raise DemoError(f"the call went to {call['mailbox']} with the reason {call['reason']}")
        text = self._words.decision_is.format(
            mailbox=call["mailbox"], reason=call["reason"], by=call["deflected_by"] or "-"
        )
        self._fact(self._words.decision, text)

    def _trace(self, call: dict[str, Any]) -> None:
        entries = [f"{entry['t']:.2f} {_told(entry)}" for entry in call["trace"] if entry["event"] in _TELLING]
        self._fact(self._words.trace, " · ".join(entries))
        rtp = call["rtp"]
        figures = self._words.heard_as.format(received=rtp["received"], lost=rtp["lost"], jitter=rtp["jitter_ms"])
        self._fact(self._words.heard_in, figures)

    def _message(self, message: dict[str, Any]) -> None:
        caller = message["caller"]
        who = f"{written(caller['number'])} ({caller['name']})"
        length = f"{message['duration_s']:.1f}"
        state = message["state"]
        self._fact(self._words.message, self._words.message_is.format(caller=who, length=length, state=state))

    def _letter(self, letter: Letter) -> None:
        words = self._words
        self._quote(words.sender, letter.sender)
        self._quote(words.recipient, letter.recipient)
        self._quote(words.subject, letter.subject)
        lines = [line.rstrip() for line in letter.text.split("\n") if line.strip()]
        self._quote("", "\n".join(["", *lines[:TEXT_LINES], ""]))
        for each in letter.attachments:
            self._quote(words.attached, f"{each.name}, {each.kind}, {each.size / 1000:.0f} kB")
        if not any(each.kind == "audio/mpeg" for each in letter.attachments):
            raise DemoError("the mail came without the recording")

    # -- act 4

    async def fetch_message(self, ready: Ready) -> None:
        """Let the subscriber call the portal, log in, hear the message, save it, and hang up."""
        words, anna = self._words, self._company.anna
        first_name = anna.name.split()[0]
        act = self._begin(words.fetches.format(anna=anna.name), Strip(first_name))
        async with self._phone(Caller(self._company.mobile), ready, act) as phone:
            self._at(0.0, words.diverted.format(number=PORTAL))
            self._at(await phone.dial(PORTAL), words.picks_up)
            await self._listen(phone, self._voices.prompt("login-welcome"))
            await phone.press(f"{anna.number}#")
            self._at(phone.t, f"{words.keys} {anna.number}#")
            await phone.press(f"{anna.pin}#", secret=True)
            self._at(phone.t, f"{words.pin} {'•' * len(anna.pin)}#")
            counts = phrases.message_counts(self._company.language, Counts(1, 0, 0, 0))
            await self._listen(phone, self._voices.of(counts))
            await phone.press("11")
            self._at(phone.t, f"{words.keys} 1 1")
            heard = await phone.hear(self._spoken, self._spoken.length_s + PROMPT_S)
            self._said(heard.t, self._spoken)
            if act.strip is not None:
                act.strip.add_caller(heard.t, self._spoken.length_s)
            other = recognise(self._greeting.pcm, phone.recent())
            likenesses = {"likeness": f"{heard.likeness:.3f}", "other": f"{other.likeness if other else 0.0:.3f}"}
            self._fact(words.likeness, words.likeness_is.format(**likenesses))
            await self._listen(phone, self._voices.prompt("message-end"))
            await phone.press("#")
            self._at(phone.t, f"{words.keys} #")
            await self._listen(phone, self._voices.prompt("message-saved"))
            await phone.hang_up()
            self._at(phone.t, words.hangs_up)
        light = await self._lamps.wait(anna.number, lambda at: not at.on, LIGHT_S, "message light that went out")
        self._fact(words.light, words.light_off.format(new=light.new, saved=light.saved))
        await self._messages("saved", 1)
        await self._messages("new", 0)
        self._fact(words.folders, words.folders_are.format(new=0, saved=1))
        self._stage.end()

    async def _listen(self, phone: Handset, spoken: Spoken) -> None:
        heard = await phone.hear(spoken, PROMPT_S)
        self._heard(heard.t, spoken)

    async def _messages(self, folder: str, count: int) -> list[dict[str, Any]]:
        found = await self._service.messages(self._company.anna.number, folder)
        if len(found) != count:
            raise DemoError(f"there are {len(found)} messages in the folder {folder}, not {count}")
        return found

    # -- act 5

    def hand_over(self, ready: Ready, *, staying: bool) -> None:
        """Show the newcomer how to go on; with `staying` the act goes on, with what `watch` sees."""
        words, members = self._words, self._company.members
        self._begin(words.yours if staying else words.all_done)
        self._fact(words.web, ready.web)
        self._fact(words.api, f"{ready.web}/api/openapi.json")
        self._fact(words.your_phone, words.your_phone_is.format(port=ready.sip_port))
        for member in members:
            login = words.login.format(
                number=member.number,
                device_password=member.device_password,
                pin=member.pin,
                name=member.name.split()[0],
            )
            self._fact("", login)
        numbers = ", ".join(member.number for member in members)
        self._fact(words.dial, words.dial_is.format(portal=PORTAL, numbers=numbers))
        self._fact(words.data, str(self._service.folder / "var"))
        if staying:
            self._fact("", words.until)
        else:
            self._stage.end()

    async def watch(self) -> None:
        """Show what the newcomer's own calls bring about: lights and mails, until cancelled."""
        await asyncio.gather(self._watch_lights(), self._watch_mails())

    async def _watch_lights(self) -> None:
        words = self._words
        while True:
            light = await self._lamps.change()
            text = words.light_on_now if light.on else words.light_off
            self._fact(words.light, f"{light.number} {text.format(new=light.new, saved=light.saved)}")

    async def _watch_mails(self) -> None:
        while True:
            letter = await self._letterbox.next(None)
            self._fact(self._words.mail, f"{letter.recipient}: {letter.subject}")

    # -- the stage

    def _phone(self, caller: Caller, ready: Ready, act: Act) -> AbstractAsyncContextManager[Handset]:
        def on_line(t: float, what: str, value: Any) -> None:
            match (act.strip, what):
                case (None, _):
                    return
                case (Strip() as strip, "key"):
                    strip.add_key(t, value)
                case (Strip() as strip, "heard"):
                    strip.heard.add(t, value)
                case (Strip() as strip, _):
                    strip.said.add(t, value)

        return handset(caller, ready.sip_port, folder=self._service.folder, on_line=on_line)

    def _begin(self, title: str, strip: Strip | None = None) -> Act:
        act = Act(title, strip=strip)
        self._stage.begin(act)
        return act

    def _fact(self, label: str, text: str) -> None:
        self._stage.add(Row(label, text))

    def _command(self, text: str) -> None:
        self._stage.add(Row("", text, Kind.COMMAND))

    def _quote(self, label: str, text: str) -> None:
        self._stage.add(Row(label, text, Kind.QUOTE))

    def _at(self, t: float, text: str) -> None:
        self._stage.add(Row(f"{t:.2f} s", text, Kind.STEP))

    def _heard(self, t: float, spoken: Spoken) -> None:
        self._stage.add(Row(f"{t:.2f} s", self._words.quoted.format(text=spoken.text), Kind.HEARD))

    def _said(self, t: float, spoken: Spoken) -> None:
        self._stage.add(Row(f"{t:.2f} s", self._words.quoted.format(text=spoken.text), Kind.SAID))


_TELLING: Final = frozenset({"decision", "prompt", "record", "message"})


def _told(entry: dict[str, Any]) -> str:
    match entry["event"]:
        case "prompt":
            return str(entry["id"])
        case "record":
            return f"record {entry['state']}"
        case event:
            return str(event)
