"""The `voicebox` command: the list of its commands."""

from typing import Annotated

import typer

from voicebox import __version__
from voicebox.cli.announcements import announcement_app
from voicebox.cli.apply import apply_command
from voicebox.cli.config import config_app
from voicebox.cli.db import db_app
from voicebox.cli.demo import demo_command
from voicebox.cli.doctor import doctor_command
from voicebox.cli.explain import explain_command
from voicebox.cli.housekeeping import housekeeping_command
from voicebox.cli.init import init_command
from voicebox.cli.mailbox import mailbox_app
from voicebox.cli.messages import messages_app
from voicebox.cli.prompts import prompts_app
from voicebox.cli.queue import queue_app
from voicebox.cli.sendings import recall_command, sent_command
from voicebox.cli.serve import serve_command
from voicebox.cli.token import token_command

app = typer.Typer(
    name="voicebox",
    help="A telephone voicemail service.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # with the values of local variables, which may be a PIN
    add_completion=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"voicebox {__version__}")
        raise typer.Exit


@app.callback()
def _voicebox(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Serve voicemail by telephone, and look after it."""


app.command("serve")(serve_command)
app.command("demo")(demo_command)
app.command("init")(init_command)
app.command("apply")(apply_command)
app.command("doctor")(doctor_command)
app.command("explain")(explain_command)
app.command("token")(token_command)
app.add_typer(mailbox_app, name="mailbox")
app.add_typer(announcement_app, name="announcement")
messages_app.command("sent")(sent_command)
messages_app.command("recall")(recall_command)
app.add_typer(messages_app, name="messages")
app.add_typer(prompts_app, name="prompts")
app.add_typer(queue_app, name="queue")
app.command("housekeeping")(housekeeping_command)
app.add_typer(db_app, name="db")
app.add_typer(config_app, name="config")


def main() -> None:
    """Run the command line."""
    app()
