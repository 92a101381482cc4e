"""`voicebox messages sent|recall`: what a subscriber sent to others, and taking back what nobody has heard."""

from typing import Annotated, Any

import typer

from voicebox.cli.exits import CommandError, Exit
from voicebox.cli.opening import opened, run, the_company, the_line
from voicebox.cli.options import CompanyOption, ConfigOption, JsonOption, configuration
from voicebox.cli.printing import counted, in_utc, print_json, print_line, print_table
from voicebox.clock import SystemClock
from voicebox.config import Config
from voicebox.distribution import Delivery, Distribution
from voicebox.events import Events

SenderArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="Who sent it, by any of their numbers.")]
SendingArgument = Annotated[str, typer.Argument(metavar="SENDING", help="Its id, as `messages sent` shows it.")]


def sent_command(
    *, number: SenderArgument, company: CompanyOption = None, json: JsonOption = False, config: ConfigOption = None
) -> None:
    """List what a subscriber sent to others, the latest first, with what became of it at each recipient."""
    settings = configuration(config)
    found = run(settings, _sent(settings, company, number))
    if json:
        print_json({"sendings": found})
        return
    print_table(
        ["Sent", "Kind", "To", "ID"],
        [
            (
                str(each["sent"]),
                str(each["kind"]),
                ", ".join(f"{result['number']} {result['outcome']}" for result in each["results"]),
                str(each["id"]),
            )
            for each in found
        ],
    )


def recall_command(
    *,
    number: SenderArgument,
    sending: SendingArgument,
    company: CompanyOption = None,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Take back the copies that nobody has heard, claimed or handled yet."""
    settings = configuration(config)
    recalled = run(settings, _recall(settings, company, number, sending))
    if json:
        print_json({"recalled": recalled})
        return
    print_line(f"{counted(recalled, 'copy', 'copies')} recalled")


async def _sent(settings: Config, company_name: str | None, number: str) -> list[dict[str, Any]]:
    async with opened(settings) as db:
        sender = (await the_line(db, await the_company(db, company_name), number)).mailbox
        sendings = await Distribution(db, Events(), SystemClock()).sent(sender)
    return [
        {
            "id": each.id,
            "sent": in_utc(each.created_at),
            "kind": str(each.kind),
            "results": [_result(result.recipient, result.outcome, result.message_id) for result in results],
        }
        for each, results in sendings
    ]


def _result(number: str, outcome: Delivery, message_id: str | None) -> dict[str, Any]:
    return {"number": number, "outcome": str(outcome), "message": message_id}


async def _recall(settings: Config, company_name: str | None, number: str, sending_id: str) -> int:
    async with opened(settings) as db:
        sender = (await the_line(db, await the_company(db, company_name), number)).mailbox
        recalled = await Distribution(db, Events(), SystemClock()).recall(sender, sending_id)
    if recalled is None:
        raise CommandError(
            Exit.NOT_FOUND, f"{sender.number} sent nothing of the id {sending_id!r}. `voicebox messages sent` lists it."
        )
    return recalled
