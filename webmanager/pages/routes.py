"""The list of pages, as `webmanager.api.routes` is that of the API. Nobody signs in: the link is the secret."""

from typing import Final

from webmanager.guard import Handler
from webmanager.pages.confirm import do_confirm, show_confirm
from webmanager.pages.listen import play_linked, show_listen
from webmanager.pages.page import for_people

_LISTEN: Final = "/listen/{id}/{until}/{signature}"

PAGES: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/confirm/{token}", for_people(show_confirm)),
    ("POST", "/confirm/{token}", for_people(do_confirm)),
    ("GET", _LISTEN, for_people(show_listen)),
    ("GET", f"{_LISTEN}/sound.mp3", for_people(play_linked)),
)
"""Method, path, and what answers."""
