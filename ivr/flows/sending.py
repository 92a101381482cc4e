"""Forwarding a message, composing one, replying to one (phone-menus.md, "Forward, compose, reply").

All three record, mark, choose and send in the same way; they differ in what must be recorded and who can be chosen.
"""

from ivr import menu
from ivr.call import Sound
from ivr.flows import addressing
from ivr.flows.addressing import Addressed
from ivr.flows.asking import choose
from ivr.flows.sheet import Sheet
from ivr.flows.visit import Visit
from ivr.keymap import Act, Menu
from voicebox.message import Message, MessageKind


async def compose(visit: Visit) -> tuple[Sound, ...]:
    """Let a subscriber compose a message and send it; return what to say in the menu that follows.

    Raises:
        GaveUpError: nobody answers any more; what was recorded is thrown away.
        Hangup: likewise.
    """
    return await _offer(visit, Sheet(visit, MessageKind.COMPOSE), menu.COMPOSE, visit.say("menu-compose"))


async def forward(visit: Visit, message: Message) -> tuple[Sound, ...]:
    """Let a subscriber send a message on, with a comment or without; return what to say after it.

    Raises:
        GaveUpError: nobody answers any more; a comment is thrown away.
        Hangup: likewise.
    """
    return await _offer(visit, Sheet(visit, MessageKind.FORWARD, message), menu.FORWARD, visit.say("menu-forward"))


async def reply(visit: Visit, message: Message) -> tuple[Sound, ...]:
    """Let a subscriber answer the colleague a message is from; return what to say after it.

    Raises:
        GaveUpError: nobody answers any more; what was recorded is thrown away.
        Hangup: likewise.
    """
    colleague = await addressing.author(visit, message)
    if colleague is None:
        return (visit.say("send-no-reply"),)
    to = await addressing.addressed(visit, colleague)
    return await _offer(visit, Sheet(visit, MessageKind.REPLY), menu.REPLY, visit.say("menu-reply"), *to.words, to=to)


async def _offer(
    visit: Visit, sheet: Sheet, shown: Menu, *before: Sound, to: Addressed | None = None
) -> tuple[Sound, ...]:
    """Offer a menu until the message is sent or given up; `to` is whom a reply goes to."""
    if not visit.owner.everyone:
        shown = shown.without(Act.TO_EVERYONE)
    try:
        while True:
            act = await choose(visit.call, shown, visit.language, *before, variants=sheet.variants)
            if act is Act.BACK:
                if await sheet.leave():
                    return (visit.say("menu-cancelled"),)
                before = (visit.say("review-kept"),)
            elif act in {Act.RECORD, Act.LISTEN, Act.URGENT, Act.CONFIDENTIAL}:
                before = await sheet.edit(act)
            elif sheet.missing:
                before = (visit.say("send-nothing-recorded"),)
            else:
                before = await _send(visit, sheet, act, to)
                if sheet.done:
                    return before
    finally:
        await sheet.dictation.discard()


async def _send(visit: Visit, sheet: Sheet, act: Act, to: Addressed | None) -> tuple[Sound, ...]:
    match act:
        case Act.TO_PERSON:
            return await sheet.send_after_asking(await addressing.person(visit))
        case Act.TO_LIST:
            return await sheet.send_after_asking(await addressing.a_list(visit))
        case Act.TO_EVERYONE:
            return await sheet.send_after_asking(await addressing.everyone(visit))
        case _ if to is not None:
            return await sheet.send(to)
        case _:
            return ()
