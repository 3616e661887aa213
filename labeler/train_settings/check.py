"""Check the settings that a person or a program gives, and turn them into a `TrainConfig`.

Knows the list of settings. Problems are plain English that begins with "must" or "is": the caller says whose they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from labeler.train_settings.settings import CANDIDATES, ENSEMBLES, GROUPS, SETTINGS, Setting, TrainConfig

LONGEST = 100  # characters of a path, items of a list
JSON_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string", tuple: "array"}


def problems(config: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each setting, by its path; empty: all can be used. null for a number or switch: the default.

    Unknown names are named too: if a misspelt setting were ignored, a person would compare two equal runs.
    """
    return {path: problem for path, value in flat(config) if (problem := _problem(path, value))}


def read(config: Mapping[str, Any]) -> TrainConfig:
    """The settings that a checked `config` describes, defaults for the rest."""
    values: dict[str, Any] = {}
    for path, value in flat(config):
        if value is None:
            continue
        kind = SETTINGS[path].kind
        if kind is tuple:
            value = tuple(value if path.endswith("candidates") else map(float, value))
        elif kind is float:
            value = float(value)
        group, dot, name = path.partition(".")
        (values.setdefault(group, {}) if dot else values)[name or group] = value
    return TrainConfig(**{name: GROUPS[name](**value) if name in GROUPS else value for name, value in values.items()})


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` where it says something, `below` elsewhere, group by group."""
    both = {**below, **above}
    for name in GROUPS.keys() & below.keys() & above.keys():
        if isinstance(below[name], dict) and isinstance(above[name], dict):
            both[name] = {**below[name], **above[name]}
    return both


def flat(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each setting by its path with its value."""
    for name, value in config.items():
        if name in GROUPS and isinstance(value, dict):
            yield from ((f"{name}.{inner}"[:LONGEST], v) for inner, v in value.items())
        else:
            yield str(name)[:LONGEST], value


def json_schema() -> dict[str, Any]:
    """The settings as an OpenAPI 3.0 schema."""
    members: dict[str, Any] = {name: {"type": "object", "properties": {}} for name in GROUPS}
    for path, setting in SETTINGS.items():
        group, dot, name = path.partition(".")
        (members[group]["properties"] if dot else members)[name or group] = _schema(setting)
    return {"type": "object", "properties": members}


def _schema(setting: Setting) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": JSON_TYPES[setting.kind], "description": setting.help}
    limits = {"minimum": setting.low, "maximum": setting.high}
    if setting.kind is str:
        schema["enum"] = list(setting.options)
    elif setting.kind is tuple:
        items = {"type": "string", "enum": list(setting.options)} if setting.options else {"type": "number", **limits}
        schema |= {"items": items, "minItems": 1, "maxItems": LONGEST}
    else:
        schema |= {"nullable": True} | (limits if setting.kind is not bool else {})
    if setting.multiple_of > 1:
        schema["multipleOf"] = setting.multiple_of
    if setting.default is not None:
        schema["default"] = list(setting.default) if setting.kind is tuple else setting.default
    return schema


def _problem(path: str, value: Any) -> str | None:
    setting = SETTINGS.get(path)
    if setting is None:
        return "must be an object of settings" if path in GROUPS else "is not a setting"
    if setting.kind is str:
        allowed = setting.options
        return None if isinstance(value, str) and value in allowed else f"must be one of {', '.join(allowed)}"
    if setting.kind is tuple:
        if not isinstance(value, list) or len(value) > LONGEST:
            return "must be a list"
        if path.startswith("drawing."):
            return _problem_of_choices(value, setting)
        return _problem_of_candidates(value) if path == "candidates" else _problem_of_penalties(value, setting)
    if value is None:
        return None
    if setting.kind is bool:
        return None if isinstance(value, bool) else "must be true or false"
    # bool is an int to Python, and true epochs would be one epoch.
    fits = isinstance(value, int if setting.kind is int else int | float) and not isinstance(value, bool)
    if fits and setting.multiple_of > 1 and value % setting.multiple_of:
        return f"must be a multiple of {setting.multiple_of}"
    within = fits and setting.low <= value <= setting.high
    return None if within else f"must be between {setting.low:g} and {setting.high:g}"


def _problem_of_candidates(names: list[Any]) -> str | None:
    if not names or any(not isinstance(name, str) or name not in CANDIDATES for name in names):
        return f"must name some of {', '.join(CANDIDATES)}"
    if names[0] != "frozen":
        return "must begin with frozen: the others are compared with it"
    if len(set(names)) < len(names):
        return "must name each candidate once"
    first = next((k for k, name in enumerate(names) if name in ENSEMBLES), len(names))
    if first < len(names) and (first < 2 or not set(names[first:]) <= set(ENSEMBLES)):
        return f"must name {names[first]} after the two or more that it is made of"
    return None


def _problem_of_choices(names: list[Any], setting: Setting) -> str | None:
    if not names or any(not isinstance(name, str) or name not in setting.options for name in names):
        return f"must name some of {', '.join(setting.options)}"
    return "must name each candidate once" if len(set(names)) < len(names) else None


def _problem_of_penalties(values: list[Any], setting: Setting) -> str | None:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if not values or len(numbers) < len(values) or any(not setting.low <= value <= setting.high for value in numbers):
        return "must be one or more numbers between 1e-8 and 1e8"
    return None if numbers == sorted(set(numbers)) else "must be in rising order, each once"
