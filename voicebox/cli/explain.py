"""`voicebox explain`: what would become of a call, and why; no call is made."""

from collections import Counter
from typing import Annotated, Any, Final

import typer

from voicebox.arrival import Arrival, Decision, Diversion, MailboxOf, decide
from voicebox.cli.exits import CommandError, Exit
from voicebox.cli.opening import opened, run, the_company
from voicebox.cli.options import CompanyOption, ConfigOption, JsonOption, configuration
from voicebox.cli.printing import print_json, print_line, print_table
from voicebox.clock import SystemClock
from voicebox.config import Config
from voicebox.directory import Directory
from voicebox.explanation import Turn, explain
from voicebox.message import Caller, Reason
from voicebox.numbers import DialPlan, parse_signalled
from voicebox.outcalls import OutCalls

REASONS: Final = tuple(reason.value for reason in Reason if reason is not Reason.PORTAL)

FromOption = Annotated[str, typer.Option("--from", help="Who calls; empty is withheld.")]
ToOption = Annotated[str, typer.Option("--to", help="The number dialled.")]
DiversionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--diversion", metavar="NUMBER[:REASON]", help="Who sent the call on, the first one first; may be repeated."
    ),
]


def explain_command(
    *,
    from_: FromOption,
    to: ToOption,
    diversion: DiversionOption = None,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say where a call would go, step by step, and why."""
    settings = configuration(config)
    shown, decision, turns = run(settings, _explain(settings, from_, to, diversion or [], company))
    if json:
        coverage = [{"after": list(turn.after), "mailbox": turn.mailbox, **turn.facts} for turn in turns]
        print_json({"from": shown, "to": to, "decision": decision.facts, "coverage": coverage})
        return
    print_line(f"{shown or 'a withheld caller'} calls {to}: {decision.facts['why']}.")
    if not turns:
        print_line(f"It goes to: {_where(decision.facts)}")
        return
    print_table(
        ["If", "Mailbox", "Then", "Why"],
        [(", ".join(turn.after) or "always", turn.mailbox, _where(turn.facts), _why(turn.facts)) for turn in turns],
    )


async def _explain(
    settings: Config, from_: str, to: str, diversions: list[str], company_name: str | None
) -> tuple[str | None, Decision, list[Turn]]:
    async with opened(settings) as db:
        company = await the_company(db, company_name)
        plan = DialPlan(company.country_code, company.area_code)
        directory, clock = Directory(db), SystemClock()
        caller = parse_signalled(from_, plan) if from_ else None
        if from_ and caller is None:
            raise CommandError(Exit.USAGE, f"--from {from_!r} is no number. Write digits, or nothing for withheld.")
        shown = caller.shown if caller is not None else None
        arrival = Arrival(
            called=to,
            caller=Caller(shown, withheld=shown is None),
            diversions=tuple(_diversion(text) for text in diversions),
        )
        decision = await decide(
            arrival,
            company=company,
            plan=plan,
            portal_numbers=settings.sip.portal,
            mailbox_of=MailboxOf.LAST,
            directory=directory,
        )
        phones = Counter(binding.mailbox_id for binding in await directory.bindings(clock.now()))
        outcalls = OutCalls(db, directory, clock, settings.outbound)
        turns = await explain(decision, phones, outcalls, diversions=len(arrival.diversions))
        return shown, decision, turns


def _diversion(text: str) -> Diversion:
    """Read `1001` or `1001:busy`."""
    number, _, reason = text.partition(":")
    if reason and reason not in REASONS:
        raise CommandError(
            Exit.USAGE, f"--diversion {text!r}: the reason must be one of {', '.join(REASONS)}, as in 1001:busy."
        )
    return Diversion(number, Reason(reason or Reason.UNAVAILABLE))


def _where(facts: Any) -> str:
    match facts["to"]:
        case "phones":
            return f"phones, for {facts['length_s']:.0f} s"
        case "number":
            refused = facts.get("refused")
            return f"not to {facts['number']}: {refused}" if refused else f"to {facts['number']}"
        case "mailbox":
            return f"mailbox, greeting for {facts['reason']}"
        case "refused":
            return f"refused, {facts['status']}"
        case _:
            return "the voice portal"


def _why(facts: Any) -> str:
    return str(facts["why"])
