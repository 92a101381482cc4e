"""The voice portal: a subscriber calls in, logs in, and fetches messages."""

from ivr.call import Call, Clip, Sound
from ivr.flows.asking import GaveUpError, apologising, part
from ivr.flows.firstlogin import first_login
from ivr.flows.fullness import fullness
from ivr.flows.login import Opened, log_in
from ivr.flows.mainmenu import main_menu
from ivr.flows.services import Services
from ivr.flows.visit import Visit
from prompts import phrases
from prompts.phrases import say
from voicebox.mailbox import Company


async def portal(call: Call, services: Services) -> None:
    """Serve a subscriber: the whole call, from picking up to hanging up.

    The company's language until the mailbox is known, the mailbox's from then on.

    Raises:
        DatabaseUnavailable: the subscriber has been told, and the call is over.
        Hangup: the subscriber hung up.
        LookupError: the call's company does not exist.
    """
    company = await _company(call, services)
    await call.answer()
    opened: Opened | None = None
    try:
        async with apologising(call, company.language):
            opened = await log_in(call, services, company)
        if opened is not None:
            async with apologising(call, opened.mailbox.language):
                await _visit(Visit(call, services, company, opened.mailbox, services.inbox(opened.mailbox)), opened)
    except GaveUpError as gave_up:
        await part(call, gave_up.goodbye(company.language if opened is None else opened.mailbox.language))


async def _visit(visit: Visit, opened: Opened) -> None:
    ready = await first_login(visit) if opened.must_change else visit
    if ready is not None:
        await _serve(ready)


async def _serve(visit: Visit) -> None:
    await main_menu(visit, *await _opening(visit), *await fullness(visit))
    await part(visit.call, visit.say("menu-goodbye"))


async def _company(call: Call, services: Services) -> Company:
    """Return the company the call belongs to, from memory where the database is away."""
    company_id = call.facts.origin.company_id
    for company in await services.directory.companies():
        if company.id == company_id:
            return company
    raise LookupError(f"there is no company {company_id}")


async def _opening(visit: Visit) -> tuple[Sound, ...]:
    """Return what names the mailbox being opened, and what it holds."""
    mailbox, language = visit.mailbox, visit.language
    counts = phrases.message_counts(language, await visit.inbox.counts())
    name = mailbox.name_recording
    if name is not None and await visit.services.clips.length_s(name):
        return (say(language, "login-opened-name"), Clip(name), counts)
    return (phrases.mailbox_opened(language, mailbox.number, visit.company.country_code), counts)
