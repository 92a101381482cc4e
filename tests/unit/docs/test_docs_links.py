"""What the documentation names is there: files that it links to, headings, `make` targets, and commands."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from voicebox.cli.main import app

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "prompts" / "LICENSES.md"])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def targets() -> set[str]:
    rules = re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return set(rules)


def commands(group: object, prefix: str = "") -> Iterator[str]:
    for word, command in getattr(group, "commands", {}).items():
        yield f"{prefix}{word}"
        yield from commands(command, f"{prefix}{word} ")


def anchors(page: Path) -> set[str]:
    """Return the anchors GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def code(page: Path) -> Iterator[str]:
    """Yield what a page shows as code: whole blocks, line by line, and words in backquotes."""
    text = page.read_text(encoding="utf-8")
    yield from (line.strip() for line in re.findall(r"^(?: {4,}|\t)(.+)$", text, re.MULTILINE))
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield from (line.strip() for line in block.splitlines())
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_the_links_are_looked_at() -> None:
    assert sum(len(LINK.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 20


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_exists(page: Path) -> None:
    named = {found[1] for line in code(page) if (found := re.match(r"(?:\$ )?make ([a-z][a-z-]*)\b", line))}
    assert named <= targets()


def test_every_make_target_has_what_it_runs() -> None:
    scripts = re.findall(r"(?:python|sh) ((?:docs|tests)/\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert scripts
    assert [script for script in scripts if not (ROOT / script).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_exists(page: Path) -> None:
    known = set(commands(typer.main.get_command(app)))
    wrong = []
    for line in code(page):
        for found in re.findall(r"(?:^|[$(/ ])voicebox ([a-z][a-z-]*(?: [a-z][a-z-]*)?)", line):
            first = found.partition(" ")[0]
            groups = {each.partition(" ")[0] for each in known if " " in each}
            if found not in known and (first not in known or (first in groups - {"queue"} and " " in found)):
                wrong.append(found)
    assert wrong == []
