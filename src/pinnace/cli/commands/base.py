"""What a command is: a row here, and a module with a click command called `command`."""

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
import uvloop

from pinnace.api.errors import ApiError
from pinnace.cluster.config import ConfigError, default_data_dir

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Row:
    """One command of the table."""

    name: str
    module: str
    help: str
    hidden: bool = False


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    # The cluster's id comes from this path: the same directory must always have the same.
    callback=lambda _context, _option, value: Path(os.path.abspath(value or default_data_dir())),
    help="Where the cluster lives: certificates, objects, logs.",
)


_VERBOSITY = "PINNACE_VERBOSITY"
_REQUEST_LOG = "pinnace.apiserver.request_log"
_REQUESTS_FROM = 3


def _set_verbosity(_context: click.Context, _option: click.Parameter, value: int) -> None:
    if value >= _REQUESTS_FROM:
        logging.getLogger(_REQUEST_LOG).setLevel(logging.DEBUG)
    if value:
        # The processes that this one starts log as much.
        os.environ[_VERBOSITY] = str(value)


verbosity_option = click.option(
    "-v",
    "--verbosity",
    type=click.IntRange(0, 10),
    default=0,
    envvar=_VERBOSITY,
    expose_value=False,
    callback=_set_verbosity,
    help="How much is logged; from 3 on a line for each request to the API server.",
)


def one_line_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user can mend into one line and exit status 1."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (ConfigError, ApiError) as error:
            raise click.ClickException(str(error)) from error

    return wrapped


def run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run a long-lived coroutine on uvloop, whose connections take a fifth of the memory."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)
