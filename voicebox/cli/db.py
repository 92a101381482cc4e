"""`voicebox db upgrade`: bring the database's schema to what this version needs."""

import typer

from voicebox.cli.opening import make_data_dir, missing_file, run
from voicebox.cli.options import ConfigOption, JsonOption, configuration
from voicebox.cli.printing import print_json, print_line
from voicebox.config import Config
from voicebox.storage.database import Database, migrate
from voicebox.storage.migrations import HEAD
from voicebox.storage.schema import revision

db_app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@db_app.callback()
def _database() -> None:
    """Look after the database."""


@db_app.command("upgrade")
def upgrade_command(*, json: JsonOption = False, config: ConfigOption = None) -> None:
    """Make the database, or bring its schema to what this version needs. `serve` and `apply` do so too."""
    settings = configuration(config)
    before = run(settings, _upgrade(settings))
    if json:
        print_json({"before": before, "after": HEAD, "changed": before != HEAD})
    elif before == HEAD:
        print_line(f"the database is at revision {HEAD}, as it should be")
    else:
        print_line(f"the database was {f'at revision {before}' if before else 'empty'} and is at {HEAD} now")


async def _upgrade(settings: Config) -> str | None:
    """Migrate; return the revision before, None for an empty database."""
    make_data_dir(settings)
    before = None
    if missing_file(settings) is None:
        async with await Database.open(settings.database.url) as db, db.read() as connection:
            before = await revision(connection)
    await migrate(settings.database.url)
    return before
