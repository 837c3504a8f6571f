"""``shiftscope ls``: what there is to choose from."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("ls")
@click.argument("what", type=click.Choice(["measures", "backbones", "data", "checks"]))
def command(what: str) -> None:
    """List measures, backbone and data addresses, or finding codes."""
    from rich.console import Console
    from rich.table import Table

    columns, rows = {"measures": _measures, "backbones": _backbones, "data": _data, "checks": _checks}[what]()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def _measures() -> tuple[list[str], list[list[str]]]:
    from shiftscope.measures import CAUSES, DEFAULT_SHIFT, DEFAULT_TRANSFER, MEASURES

    runs = dict.fromkeys([*DEFAULT_TRANSFER, *DEFAULT_SHIFT], "default") | dict.fromkeys(CAUSES, "default in shift")
    rows = []
    for name in sorted(MEASURES, key=lambda m: (MEASURES[m].kind, MEASURES[m].warning != "", m)):
        m = MEASURES[name]
        options = ", ".join(f"{o}={f.default}" for o, f in m.options.model_fields.items())
        about = {"Options": options, "Null": m.null, "p-value": m.pvalue.replace("none", ""), "Warning": m.warning}
        lines = [m.asks, *(f"[dim]{title}:[/] {text}" for title, text in about.items() if text)]
        rows.append([m.name, m.kind, runs.get(name, "by name"), m.better, "\n".join(lines)])
    return ["name", "kind", "runs", "better", "asks"], rows


def _backbones() -> tuple[list[str], list[list[str]]]:
    from shiftscope.backbones import BACKBONES

    return ["scheme", "address"], [[f"{name}:", BACKBONES[name].describes] for name in BACKBONES]


def _data() -> tuple[list[str], list[list[str]]]:
    from shiftscope.data import SOURCES

    return ["scheme", "address"], [[f"{name}:", SOURCES[name].describes] for name in SOURCES]


def _checks() -> tuple[list[str], list[list[str]]]:
    from shiftscope.checks import CODES

    return ["code", "means"], [[code, means] for code, means in CODES.items()]
