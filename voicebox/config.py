"""Read `voicebox.toml` and the environment into a `Config` (interfaces.md, "Configuration").

The file gives the values, the environment overrides them key by key (`VOICEBOX_SIP__LISTEN`,
`VOICEBOX_SIP__PEER__0__ADDRESS`), and the models of `voicebox.settings` check the whole. Every mistake is reported at
once, each with its place, its key, what is wrong and what to write instead; a secret's value is never shown.
"""

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from voicebox.addresses import SettingError
from voicebox.settings import Config
from voicebox.tomllines import KeyPath, Lines, TomlError, load

__all__ = ["Config", "ConfigError", "Problem", "find_config", "key_name", "read_config"]

PREFIX: Final = "VOICEBOX_"
CONFIG_VARIABLE: Final = "VOICEBOX_CONFIG"
DEFAULT_FILE: Final = "voicebox.toml"
# Kubernetes sets these in every pod beside a service that is called voicebox; they are not ours.
_SERVICE_LINKS: Final = re.compile(r"^VOICEBOX_(PORT|SERVICE)(_(?!_).*)?$")
_SHOWN_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the configuration."""

    place: str
    """The file with its line, or the environment variable."""
    key: str
    """As in `sip.peer[0].address`; empty for the file as a whole."""
    what: str
    cure: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.place}: {key}{self.what}. {self.cure}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` names everything that is wrong with it, in the file's order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def find_config(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the configuration file: the one given, else ./voicebox.toml, else $VOICEBOX_CONFIG.

    Raises:
        ConfigError: there is none.
    """
    if given is not None:
        return given
    here = Path(DEFAULT_FILE)
    if here.is_file():
        return here
    if environ.get(CONFIG_VARIABLE):
        return Path(environ[CONFIG_VARIABLE])
    raise ConfigError(
        (
            Problem(
                place=str(Path.cwd()),
                key="",
                what=f"there is no {DEFAULT_FILE} here, and ${CONFIG_VARIABLE} is not set",
                cure="Write one with `voicebox init`, or name one with --config.",
            ),
        )
    )


def read_config(given: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Return the checked configuration from the file (see `find_config`) and the environment.

    Raises:
        ConfigError: a file that cannot be read, or values that cannot be used; names all of them.
    """
    path = find_config(given, environ)
    try:
        data, lines = load(path)
    except TomlError as error:
        place = f"{error.source}, line {error.line}"
        raise ConfigError((Problem(place, "", error.problem, "Correct the file there."),)) from None
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        cure = "Name a file that exists and is readable with --config."
        raise ConfigError((Problem(str(path), "", what, cure),)) from None
    origin = _Origin(str(path), lines)
    problems = list(_overlay(data, environ, origin))
    try:
        config = Config.model_validate(data, context={"base": path.absolute().parent})
    except ValidationError as error:
        # A default that is worked out from a refused value is not a second mistake.
        findings = [e for e in error.errors(include_url=False) if e["type"] != "default_factory_not_called"]
        found = [_problem(details, origin) for details in findings]
        problems += [problem for _, problem in sorted(found, key=lambda pair: pair[0])]
    if problems:
        raise ConfigError(tuple(problems))
    return config


class _Origin:
    """Where each value came from: a line of the file, or a variable."""

    def __init__(self, source: str, lines: Lines) -> None:
        self._source = source
        self._lines = lines
        self._variables: dict[KeyPath, str] = {}

    def set_by(self, path: KeyPath, variable: str) -> None:
        self._variables[path] = variable

    def line(self, path: KeyPath) -> int:
        return 0 if self._variable(path) else self._lines.of(path)

    def place(self, path: KeyPath) -> str:
        variable = self._variable(path)
        return f"${variable}" if variable else f"{self._source}, line {self._lines.of(path)}"

    def _variable(self, path: KeyPath) -> str | None:
        return next((self._variables[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self._variables), None)


def key_name(path: KeyPath) -> str:
    """Write a path as `sip.peer[0].address`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _models_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a field holds, directly or as a list of tables."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _overlay(data: dict[str, Any], environ: Mapping[str, str], origin: _Origin) -> Iterator[Problem]:
    """Put the environment's values into `data`; yield a problem for each variable that fits no key."""
    # Sorted by number where numbers are, so that PEER__2 may follow PEER__1 and PEER__10 may follow PEER__9.
    names = [n for n in environ if n.startswith(PREFIX) and n != CONFIG_VARIABLE and not _SERVICE_LINKS.match(n)]
    for name in sorted(names, key=lambda n: [(not part.isdigit(), part.zfill(9)) for part in n.split("__")]):
        path = _path_of(name)
        try:
            annotation = _annotation(path)
            value = _value(environ[name], annotation)
            _put(data, path, value)
        except SettingError as refused:
            yield Problem(f"${name}", key_name(path), refused.problem, refused.cure)
        else:
            origin.set_by(path, name)


def _path_of(name: str) -> KeyPath:
    parts = name.removeprefix(PREFIX).lower().split("__")
    return tuple(int(part) if part.isascii() and part.isdigit() and len(part) < 6 else part for part in parts)


def _annotation(path: KeyPath) -> Any:
    """Return the type of the key at `path`."""
    model: type[BaseModel] | None = Config
    annotation: Any = Config
    for depth, part in enumerate(path):
        if isinstance(part, int):
            if get_origin(annotation) is not tuple or _models_in(annotation) is None:
                raise SettingError(f"{key_name(path[:depth])} is not a list of tables", "Leave the number out.")
            annotation = model
            continue
        if model is None or get_origin(annotation) is tuple or part not in model.model_fields:
            known = [] if model is None else list(model.model_fields)
            raise SettingError("there is no such key", _closest(part, known))
        annotation = model.model_fields[part].annotation
        model = _models_in(annotation)
    if annotation is model:
        example = f"{PREFIX}{'__'.join(str(part).upper() for part in path)}__KEY"
        raise SettingError("is a section, not a key", f"Set its keys one by one, as {example}.")
    return annotation


def _value(text: str, annotation: Any) -> Any:
    """Read a variable: lists as JSON or separated by commas, all else as it stands (the models convert it)."""
    if get_origin(annotation) is not tuple:
        return text
    if text.lstrip().startswith("[") and not text.lstrip().startswith("[:"):
        try:
            return json.loads(text)
        except ValueError:
            raise SettingError("starts like JSON but is not", 'Write ["one", "two"], or one,two.') from None
    if _models_in(annotation) is not None:
        raise SettingError("is a list of tables", 'Write JSON, such as [{"name": "pbx"}], or set __0__NAME and so on.')
    return [item.strip() for item in text.split(",") if item.strip()]


def _put(data: dict[str, Any], path: KeyPath, value: Any) -> None:
    """Set `value` at `path`, making tables on the way; a number names a table that exists or the next one."""
    here: Any = data
    for depth, part in enumerate(path[:-1]):
        following = path[depth + 1]
        if isinstance(part, int):
            if not isinstance(here, list) or part > len(here):
                count = len(here) if isinstance(here, list) else 0
                raise SettingError(f"there are only {count} tables of that kind", f"Number the next one {count}.")
            if part == len(here):
                here.append({})
            here = here[part]
        elif isinstance(here, dict):
            here = here.setdefault(part, [] if isinstance(following, int) else {})
    if not isinstance(here, dict):
        raise SettingError("the file holds something else than a table there", "Correct the file first.")
    here[path[-1]] = value


def _closest(word: str, known: list[str]) -> str:
    """Say which key was probably meant, else which there are."""
    similar = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if similar:
        return f"Did you mean {similar[0]}?"
    return f"The keys here are {', '.join(known)}." if known else "Remove it."


def _problem(details: ErrorDetails, origin: _Origin) -> tuple[int, Problem]:
    """Say one of pydantic's findings in our words; also the line to sort by."""
    path: KeyPath = tuple(part for part in details["loc"] if part != "function-after")
    error = (details.get("ctx") or {}).get("error")
    if isinstance(error, SettingError):
        path += error.at
        what, cure = error.problem, error.cure
    else:
        what, cure = _explain(details, path)
    return origin.line(path), Problem(origin.place(path), key_name(path), what, cure)


def _explain(details: ErrorDetails, path: KeyPath) -> tuple[str, str]:
    """Return what is wrong and the cure, for the errors that pydantic itself finds."""
    context = details.get("ctx") or {}
    value = _shown(details["input"], path)
    match details["type"]:
        case "extra_forbidden":
            model = _model_at(path[:-1])
            return "there is no such key", _closest(str(path[-1]), list(model.model_fields) if model else [])
        case "missing":
            return "is missing", "Write it; it has no default."
        case "enum":
            return f"{value} is not one of the choices", f"Write one of {context['expected']}."
        case "bool_parsing" | "bool_type":
            return f"{value} is neither true nor false", "Write true or false, without quotes."
        case "int_parsing" | "int_type" | "int_from_float" | "float_parsing" | "float_type":
            return f"{value} is not a number", "Write a number, without quotes."
        case "string_type":
            return f"{value} is not text", _quoted(details["input"], value)
        case "path_type":
            return f"{value} is not a path", "Write it in quotes."
        case "greater_than_equal":
            return f"{value} is too small", f"Write {context['ge']} or more."
        case "greater_than":
            return f"{value} is too small", f"Write more than {context['gt']}."
        case "less_than_equal":
            return f"{value} is too large", f"Write {context['le']} or less."
        case "string_pattern_mismatch" if path[-1] == "name":
            return f"{value} is not a name", "Write up to 63 letters, digits, dots, hyphens and underscores."
        case "string_pattern_mismatch":
            return f"{value} is not a number to dial", 'Write digits, such as "8000" or "+492115558000".'
        case "string_too_short":
            return "is empty", "Write it."
        case "tuple_type" if isinstance(details["input"], dict):
            return "is a list of tables, and this is a single one", f"Write [[{key_name(path)}]], in double brackets."
        case "tuple_type":
            return f"{value} is not a list", "Put it in square brackets."
        case "missing_argument" | "too_short" | "too_long":
            return "has the wrong number of entries", "Write exactly as many as the documentation shows."
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"{value} is not a section", f"Write it as a table, [{key_name(path)}]."
    return f"{value} cannot be used ({details['msg']})", "See docs/configuration.md."


def _quoted(value: Any, shown: str) -> str:
    plain = isinstance(value, int | float) and shown == json.dumps(value)
    return f'Write it in quotes, as "{shown}".' if plain else "Write it in quotes."


def _model_at(path: KeyPath) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Config
    for part in path:
        if isinstance(part, str) and model is not None:
            info = model.model_fields.get(part)
            model = _models_in(info.annotation) if info else None
    return model


def _shown(value: Any, path: KeyPath) -> str:
    """Return a value as an error may show it: short, on one line, and never a secret."""
    model = _model_at(path[:-1])
    info = model.model_fields.get(str(path[-1])) if model and path else None
    if info is not None and (info.annotation is SecretStr or SecretStr in get_args(info.annotation) or not info.repr):
        return "the value"
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
