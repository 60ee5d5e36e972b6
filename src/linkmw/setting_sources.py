"""Where the value of a setting comes from: the environment, a configuration, a file. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any

from linkmw.errors import SettingsError

Reader = Callable[[object], Any]


def setting(reader: Reader, default: object, what: str, *, unit: str = "", secret: bool = False) -> Any:
    """One setting: how it is read, its default, what it is for (the documentation's words), its unit."""
    return field(
        default=default, repr=not secret, metadata={"reader": reader, "what": what, "unit": unit, "secret": secret}
    )


def names_of(kind: type[Any]) -> dict[str, str]:
    """Field name → environment variable, for each setting of `kind`, which says what they all begin with."""
    return {f.name: kind.ENVIRONMENT + f.name.upper() for f in fields(kind) if "reader" in f.metadata}


def unknown(key: str, source: str, names: Iterable[str]) -> str:
    """That `key` is no setting, and which one was probably meant."""
    from difflib import get_close_matches  # only a mistake needs it

    near = get_close_matches(key.lower(), names, 1)
    return f"{key} in the {source} is no setting" + (f": did you mean {near[0]}?" if near else "")


def _from_environment(environ: Mapping[str, str], name: str) -> str | None:
    path = environ.get(name + "_FILE")
    if name in environ:
        if path is not None:
            raise ValueError(f"and {name}_FILE are both set: keep one of them")
        return environ[name]
    return None if path is None else Path(path).read_text(encoding="utf-8").strip("\r\n")


def read_values(
    kind: type[Any], environ: Mapping[str, str], configured: Mapping[str, object], file: Mapping[str, object]
) -> tuple[dict[str, Any], list[str]]:
    """The values of `kind` that are given, by field name, and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    names = names_of(kind)
    for source, keys in (("configuration", configured), ("file", file)):
        problems += [unknown(key, source, names) for key in keys if key.lower() not in names]
    by_case = {key.lower(): value for key, value in (*file.items(), *configured.items())}
    for item in fields(kind):
        name = names.get(item.name)
        if name is None:
            continue
        try:
            raw: object = _from_environment(environ, name)
            if raw is None:
                raw = by_case.get(item.name)
            if raw is not None and raw != "":
                values[item.name] = item.metadata["reader"](raw)
        except OSError as error:
            problems.append(f"{name}_FILE cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            problems.append(f"{name}_FILE is not text in UTF-8")
        except ValueError as error:
            problems.append(f"{name} {error}")
    return values, problems


def read_file(path: Path) -> dict[str, object]:
    """The tables of a TOML configuration file; {} when there is none. Raises SettingsError when it is not TOML."""
    try:
        text = path.read_text(encoding="utf-8")
        import tomllib  # a product in a container has no file

        return tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, not TOML, a number of 5000 digits
        raise SettingsError(f"{path.name} cannot be read: {error}") from None
