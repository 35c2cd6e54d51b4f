"""The API server's settings as options: one for each field of `ApiServerSettings`."""

import functools
from collections.abc import Callable
from dataclasses import Field
from pathlib import Path
from typing import Any

import click

from pinnace.cluster.apiserver_settings import FIELDS, Form, parsed


def apiserver_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets what was given as `apiserver`: values by name."""

    @functools.wraps(command)
    def called(**given: Any) -> Any:
        told = {name: given.pop(name) for name in FIELDS}
        return command(
            apiserver={name: value for name, value in told.items() if value is not None}, **given
        )

    for name, entry in reversed(FIELDS.items()):
        called = _option(name, entry)(called)
    return called


def _option(name: str, entry: "Field[Any]") -> Callable[..., Any]:
    form: Form = entry.metadata["form"]
    flag = "--" + name.replace("_", "-")
    if form is Form.SWITCH:
        flag = f"{flag}/--no-{flag[2:]}"
    kinds: dict[Form, Any] = {Form.NUMBER: click.INT, Form.SWITCH: click.BOOL}
    return click.option(
        flag,
        name,
        type=kinds.get(form, click.STRING),
        is_flag=form is Form.SWITCH,
        multiple=form is Form.LIST,
        default=None,
        metavar=None if form is Form.SWITCH else form.value,
        callback=functools.partial(_value, form),
        help=f"{entry.metadata['help']} {_default(form, entry.default)}".strip(),
    )


def _default(form: Form, value: Any) -> str:
    if value in ("", ()):
        return ""
    if form is Form.SWITCH:
        return f"[{'yes' if value else 'no'}]"
    if form is Form.LIST:
        return f"[{','.join(value)}]"
    return f"[{value:g}s]" if form is Form.DURATION else f"[{value}]"


def _value(form: Form, _context: click.Context, option: click.Parameter, given: Any) -> Any:
    if given is None or given == ():
        return None
    if form is Form.FILE:
        return str(Path(given).absolute()) if given not in ("", "-") else given
    if form is Form.LIST:
        given = ",".join(given)
    try:
        return parsed(str(option.name), given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
