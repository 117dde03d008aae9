"""How the demo looks: chapters, facts, and the table at the end."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from console.demo.expectations import Count

#: Width where the output is not a terminal.
PLAIN_WIDTH = 120
_WORD_WIDTH = 22


class Screen:
    """Prints the story; nothing that is printed is read as markup."""

    def __init__(self, console: Console | None = None) -> None:
        """Print on standard output, as wide as the terminal."""
        found = console or Console(highlight=False)
        if not found.is_terminal and console is None:
            found = Console(highlight=False, width=PLAIN_WIDTH)
        self._console = found

    def title(self, text: str, detail: str) -> None:
        """The first lines."""
        body = Text.assemble((text, "bold"), "\n", detail)
        self._console.print(Panel(body, border_style="cyan", expand=False))

    def progress(self, text: str) -> None:
        """What is being done while nothing can be seen yet."""
        self._console.print(Text(f"  … {text}", style="dim"))

    def chapter(self, text: str) -> None:
        """A new part of the story."""
        self._console.print()
        self._console.print(Rule(Text(text, style="bold"), align="left", style="cyan"))

    def fact(self, word: str, text: str, style: str = "green") -> None:
        """Something that was observed."""
        self._line("✓", word, text, style)

    def aside(self, word: str, text: str, style: str = "yellow") -> None:
        """Something observed that is no success, and should not be one."""
        self._line("·", word, text, style)

    def _line(self, mark: str, word: str, text: str, style: str) -> None:
        """One observation; a long one goes on under its own beginning."""
        grid = Table.grid(padding=(0, 1))
        grid.add_column(width=1)
        grid.add_column(width=_WORD_WIDTH)
        grid.add_column(overflow="fold")
        grid.add_row(Text(mark, style), Text(word, style), Text(text))
        self._console.print(Padding(grid, (0, 0, 0, 2), expand=False))

    def missing(self, text: str) -> None:
        """Something that was expected and not observed."""
        self._console.print(Text(f"  ✗ {text}", style="bold red"))

    def show(self, what: RenderableType) -> None:
        """Anything else, indented."""
        self._console.print(Padding(what, (0, 0, 0, 4)))

    def command(self, title: str, command: str) -> None:
        """Something to paste into a shell: on one line, however long."""
        self._console.print(Text(f"    # {title}", style="dim"))
        self._console.print(Text(f"    {command}"), soft_wrap=True)

    def totals(self, counts: Sequence[Count]) -> None:
        """The table at the end."""
        grid = Table(title="What was expected, and what was observed", title_justify="left")
        for name, justify in (("", "left"), ("expected", "right"), ("observed", "right")):
            grid.add_column(name, justify=justify)  # type: ignore[arg-type]
        grid.add_column("seen in")
        grid.add_column("")
        for count in counts:
            mark = Text("✓", style="green") if count.holds else Text("✗", style="bold red")
            expected = f"{'≥ ' if count.at_least else ''}{count.expected}"
            grid.add_row(count.what, expected, str(count.observed), count.seen_in, mark)
        self._console.print()
        self._console.print(grid)

    def verdict(self, missing: Sequence[str], seconds: float) -> int:
        """Say how it ended; the exit code."""
        self._console.print()
        if not missing:
            words = (
                f"Everything expected was observed, in {seconds:.0f} s. Nothing was left behind."
            )
            self._console.print(Text(words, style="bold green"))
            return 0
        self._console.print(Text("Missing:", style="bold red"))
        for one in missing:
            self.missing(one)
        return 1
