"""The login of the portal: own phone, passcode, or number and passcode (phone-menus.md, "Login").

A passcode is always asked, also for a number that nobody has, with the same words and after the same time, so that
nobody can find out which numbers exist.
"""

from dataclasses import dataclass

from ivr.call import Call, Sound
from ivr.flows.asking import NUMBER_MOST, Patience, part
from ivr.flows.services import Services
from prompts.phrases import say
from voicebox.access import Ask, Line, LoginResult, Outcome, Source, identify
from voicebox.lockout import TRIES_PER_CALL
from voicebox.mailbox import Company, Mailbox
from voicebox.numbers import DialPlan, parse_signalled
from voicebox.passcode import PIN_MAX_DIGITS


@dataclass(frozen=True, slots=True)
class Opened:
    """A mailbox that the caller may open."""

    mailbox: Mailbox
    must_change: bool = False
    """The passcode was a one-time one: a new one and a recorded name come first."""


async def log_in(call: Call, services: Services, company: Company) -> Opened | None:
    """Return the mailbox the caller may open; None when the call has been ended instead.

    A one-time passcode is asked for even where the phone would spare it: it must be replaced.

    Raises:
        DatabaseUnavailable: nothing can be checked now.
        GaveUpError: nobody types anything sensible.
        Hangup: the call is over.
    """
    origin = call.facts.origin
    plan = DialPlan(company.country_code, company.area_code)
    identity = await identify(
        company_id=company.id,
        plan=plan,
        line=Line(origin.line.value),
        device=origin.device,
        caller=call.facts.arrival.caller,
        directory=services.directory,
    )
    own = identity.mailbox
    if identity.ask is Ask.NOTHING and own is not None and not await services.access.is_one_time(own):
        call.note("login", mailbox=own.number, ok=True, by=identity.by)
        return Opened(own)
    return await _Login(call, services, company, plan).run(own)


class _Login:
    """The questions and answers of one call."""

    def __init__(self, call: Call, services: Services, company: Company, plan: DialPlan) -> None:
        self._call = call
        self._services = services
        self._company = company
        self._plan = plan
        self._language = company.language
        self._patience = Patience()
        self._before: tuple[Sound, ...] = (say(self._language, "login-welcome"),)

    async def run(self, own: Mailbox | None) -> Opened | None:
        """Ask until a passcode is right, three were wrong, or the caller leaves; `own` spares the number."""
        tries = 0
        while True:
            typed = ""
            mailbox = own
            if own is None:
                typed = await self._number()
                if typed == "*":
                    await part(self._call, say(self._language, "menu-goodbye"))
                    return None
                mailbox, typed = await self._find(typed)
            pin = await self._pin(known=own is not None)
            if pin is None:  # not my phone, or back to the number
                own = None
                continue
            result = await self._try(mailbox, typed, pin)
            match result.outcome:
                case Outcome.OK if mailbox is not None:
                    return Opened(mailbox, result.must_change)
                case Outcome.LOCKED:
                    self._call.note("locked")
                    await part(self._call, say(self._language, "login-locked"))
                    return None
                case _:
                    tries += 1
                    if tries == TRIES_PER_CALL:
                        await part(self._call, say(self._language, "login-wrong-goodbye"))
                        return None
                    self._before = (say(self._language, "login-wrong"),)

    async def _number(self) -> str:
        """Return the number typed, or `*` alone from a caller who wants to leave."""
        while True:
            prompt = say(self._language, "login-number")
            typed = await self._call.digits(*self._take_before(), prompt, most=NUMBER_MOST)
            if typed == "*":
                return typed
            if typed and not typed.endswith("*"):
                self._patience.success()
                return typed
            self._again(typed)

    async def _pin(self, *, known: bool) -> str | None:
        """Return the passcode typed; None after `*`."""
        while True:
            prompt = say(self._language, "login-pin-known" if known else "login-pin")
            typed = await self._call.digits(*self._take_before(), prompt, most=PIN_MAX_DIGITS + 1, secret=True)
            if typed.endswith("*"):
                if not known:
                    self._patience.wrong()  # going round and round between number and passcode comes to an end
                return None
            if typed:
                self._patience.success()
                return typed
            self._again(typed)

    def _again(self, typed: str) -> None:
        """Count an entry that was empty, or taken back by `*`."""
        if typed:
            self._patience.wrong()
            return
        self._patience.silence()
        self._before = (say(self._language, "login-no-input"),)

    def _take_before(self) -> tuple[Sound, ...]:
        before, self._before = self._before, ()
        return before

    async def _find(self, typed: str) -> tuple[Mailbox | None, str]:
        """Return whose a number is; and the one number for all its spellings, so that failures at nobody's add up."""
        number = parse_signalled(typed, self._plan)
        if number is None:
            return None, typed
        return await self._services.directory.find(self._company.id, number), number.shown

    async def _try(self, mailbox: Mailbox | None, typed: str, pin: str) -> LoginResult:
        """Try a passcode and let the time of an answer pass, whatever the answer is."""
        origin = self._call.facts.origin
        source = Source.of_call(
            peer=origin.peer,
            trusted=origin.trusted,
            address=origin.address,
            caller=self._call.facts.arrival.caller,
            device=origin.device,
        )
        result = await self._services.access.login(
            company_id=self._company.id, mailbox=mailbox, pin=pin, source=source, typed=typed
        )
        await self._call.pause(result.answer_after_s)
        self._call.forget_keys()  # a thousand digits typed in a row are one try
        self._call.note("login", mailbox=mailbox.number if mailbox else None, ok=result.ok, by="pin")
        return result
