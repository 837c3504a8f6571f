"""The command line: one file a command, loaded when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from shiftscope import __version__

__all__ = ["main"]

COMMANDS = {
    "rank": "Rank pretrained models for a labelled target.",
    "shift": "Say how far a target is from a source.",
    "sources": "Say which source data help a target, and how much each should count.",
    "run": "Do what a TOML file says.",
    "audit": "Fine-tune, and score the measures against what happened.",
    "embed": "Extract features into the store.",
    "gate": "Hold a record against a policy; exit code for pipelines.",
    "report": "Write a report from run.json.",
    "demo": "Rank a small built-in zoo on built-in data.",
    "ls": "List measures, backbones, data or checks.",
    "doctor": "Check this installation.",
    "schema": "Print a JSON schema.",
}


class _LazyGroup(click.Group):
    """Commands by name, each in a file of its own that is imported only when it is called.

    The one-line descriptions stand here, so that ``--help`` imports no command.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from shiftscope.errors import UnknownNameError

            raise UnknownNameError("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="shiftscope")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(ctx: click.Context, *, debug: bool) -> None:
    """How far has my data shifted, which pretrained model should I start from, and how sure is that?

    Exit codes: 0 fine, 1 gate failed, 2 wrong usage or input, 3 not finished or not decided, 130 interrupted.
    """
    ctx.obj = {"debug": debug}
