"""Accept-Language, as programs and browsers send it."""

import pytest

from voicebox.i18n import Language
from webmanager.language import accepted


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, Language.EN),
        ("", Language.EN),
        ("de", Language.DE),
        ("DE-at", Language.DE),
        ("de-DE,de;q=0.9,en;q=0.8", Language.DE),
        ("en-GB,en;q=0.9,de;q=0.8", Language.EN),
        ("de;q=0.5, en", Language.EN),
        ("fr, de;q=0.3", Language.DE),
        ("fr, it", Language.EN),
        ("de;q=0, *", Language.EN),
        ("*", Language.EN),
        ("de;q=2", Language.EN),
        ("de;q=x, de", Language.DE),
        ("\x00,;;,de", Language.DE),
        ("," * 1000 + "de", Language.EN),
    ],
)
def test_the_best_language_we_have_is_taken(header: str | None, language: Language) -> None:
    assert accepted(header) is language
