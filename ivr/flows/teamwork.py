"""Opening a team's mailbox from one's own, and taking care of its messages.

Each member opens it from their own mailbox, after their own login, so that it is known who claims what. There they
hear its messages; its greetings and its passcode stay the business of who has that passcode.
"""

from collections.abc import Sequence
from dataclasses import replace

from ivr.call import Sound
from ivr.flows.asking import ask_number, tell
from ivr.flows.messages import listen
from ivr.flows.visit import Visit
from prompts import phrases
from voicebox.mailbox import Mailbox


async def open_team(visit: Visit, teams: Sequence[Mailbox]) -> tuple[Sound, ...]:
    """Present a team's messages, of the only team or the one whose extension is typed; return what to say after it.

    Raises:
        GaveUpError: nobody answers any more.
        Hangup: the call is over.
    """
    team = teams[0]
    if len(teams) > 1:
        typed = await ask_number(visit.call, visit.say("team-number"))
        if typed is None:
            return (visit.say("menu-cancelled"),)
        chosen = next((each for each in teams if each.number == typed), None)
        if chosen is None:
            return (visit.say("team-unknown"),)
        team = chosen
    there = replace(visit, mailbox=team, inbox=visit.services.inbox(team), member=visit.owner)
    visit.call.note("team", mailbox=team.number, member=visit.owner.number)
    opened = visit.say("team-opened") + phrases.phone_number(visit.language, team.number)
    await tell(visit.call, opened, phrases.message_counts(visit.language, await there.inbox.counts()))
    return await listen(there)
