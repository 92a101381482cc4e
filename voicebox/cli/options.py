"""What commands have in common on their command line, and the configuration they read."""

from pathlib import Path
from typing import Annotated

import typer

from voicebox.cli.exits import Exit, fail
from voicebox.config import Config, ConfigError, find_config, read_config

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
