"""What commands have in common on their command line, and the configuration they read."""

from pathlib import Path
from typing import Annotated, Final

import typer

from voicebox.cli.exits import Exit, fail
from voicebox.config import Config, ConfigError, find_config, read_config

ID_MAX: Final = 2**53 - 1
"""The largest that JSON carries for certain; no database of ours numbers so far."""

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="The configuration file; default ./voicebox.toml, else $VOICEBOX_CONFIG."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CompanyOption = Annotated[
    str | None, typer.Option("--company", help="The company's name; needed only where there are several.")
]


def configuration(given: Path | None) -> Config:
    """Read the configuration, or end the command naming every mistake in it."""
    try:
        return read_config(find_config(given))
    except ConfigError as error:
        fail(Exit.CONFIGURATION, *(str(problem) for problem in error.problems))
