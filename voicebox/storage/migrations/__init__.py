"""The schema's history, packaged: `voicebox.storage.database.migrate` runs it, no alembic.ini needed."""

from typing import Final

HEAD: Final = "0003"
"""The revision this version of voicebox needs. Known without importing alembic, so that a start that has nothing to
migrate does not pay for it; a test holds it to the newest file in `versions`."""
