"""What is wrong with a configuration on this machine, found before `serve` begins: the files it names."""

from collections.abc import Iterator
from pathlib import Path

from voicebox.config import Config, Problem, key_name
from voicebox.tomllines import KeyPath, TomlError, load


def local_problems(settings: Config, file: Path) -> list[Problem]:
    """Return what this machine lacks for the settings, each with its line in the configuration file."""
    try:
        _, lines = load(file)
    except (OSError, TomlError):  # changed since it was read
        return []
    return [Problem(f"{file}, line {lines.of(at)}", key_name(at), what, cure) for at, what, cure in _files(settings)]


def _files(settings: Config) -> Iterator[tuple[KeyPath, str, str]]:
    for section, name, path in (
        ("sip", "certificate", settings.sip.certificate),
        ("sip", "key", settings.sip.key),
        ("web", "certificate", settings.web.certificate),
        ("web", "key", settings.web.key),
        ("smtp", "ca", settings.smtp.ca),
    ):
        if path is None:
            continue
        try:
            path.open("rb").close()
        except OSError as error:
            what = f"{path} cannot be read: {error.strerror}"
            yield (section, name), what, "Name a PEM file that the user of voicebox may read."
