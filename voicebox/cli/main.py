"""The `voicebox` command."""

import typer

from voicebox.cli.serve import serve_command

app = typer.Typer(
    name="voicebox",
    help="A telephone voicemail service.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a local variable may be a PIN
    add_completion=False,
)


@app.callback()
def _voicebox() -> None:
    """Answer calls, keep messages, tell their owners."""


app.command("serve")(serve_command)


def main() -> None:
    """Run the command line."""
    app()
