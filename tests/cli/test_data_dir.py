"""One directory is one cluster, however it is named."""

from pathlib import Path

import click
from click.testing import CliRunner

from pinnace.cli.commands.base import data_dir_option


def test_a_way_up_and_down_again_names_the_same_directory(tmp_path: Path) -> None:
    @click.command()
    @data_dir_option
    def said(data_dir: Path) -> None:
        click.echo(str(data_dir))

    crooked = tmp_path / "here" / ".." / "there"
    out = CliRunner().invoke(said, ["--data-dir", str(crooked)]).output
    assert out.strip() == str(tmp_path / "there")
