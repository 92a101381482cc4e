"""Write the pages that are made from code: `make docs`. Tests hold each page and its table equal."""

from pathlib import Path

from ivr import menu_page
from ivr.sip import diagram

DOCS = Path(__file__).parent
PAGES = {
    "users/phone-keys.md": menu_page.page,
    "maintainers/sip-transactions.md": diagram.page,
}


def main() -> None:
    """Write every page, and say which changed."""
    for name, page in PAGES.items():
        file = DOCS / name
        text = page().rstrip("\n") + "\n"
        changed = not file.exists() or file.read_text(encoding="utf-8") != text
        file.write_text(text, encoding="utf-8")
        print(f"{name}: {'written' if changed else 'as it was'}")  # noqa: T201 - it is a command


if __name__ == "__main__":
    main()
