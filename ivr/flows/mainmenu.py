"""The main menu of the portal."""

from ivr import menu
from ivr.call import Sound
from ivr.flows.asking import choose
from ivr.flows.dialling import make_call
from ivr.flows.forwardingmenu import call_forwarding
from ivr.flows.namemenu import recorded_name
from ivr.flows.passcode import change_passcode
from ivr.flows.teamwork import open_team
from ivr.flows.visit import Visit
from ivr.flows.voicemailbox import voice_mailbox
from ivr.keymap import Act


async def main_menu(visit: Visit, *before: Sound) -> None:
    """Offer the menu until the subscriber leaves; `before` is said first.

    Raises:
        GaveUpError: nobody answers any more.
        Hangup: the call is over.
    """
    teams = await visit.services.teams.of(visit.mailbox)
    missing = [*([] if teams else [Act.TEAM]), *([] if visit.company.make_calls else [Act.DIAL])]
    shown = menu.MAIN.without(*missing)
    while True:
        match await choose(visit.call, shown, visit.language, *before, visit.say("menu-main")):
            case Act.MAILBOX:
                await voice_mailbox(visit)
                before = ()
            case Act.NAME:
                await recorded_name(visit)
                before = ()
            case Act.FORWARDING:
                await call_forwarding(visit)
                before = ()
            case Act.TEAM:
                before = await open_team(visit, teams)
            case Act.DIAL:
                before = await make_call(visit)
            case Act.PASSCODE:
                before = (await change_passcode(visit),)
            case _:
                return
