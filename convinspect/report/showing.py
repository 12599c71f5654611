"""How a report shows itself: printed, by rich, in a notebook, as a data frame."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, Literal


class Shown:
    """What draws a report. Renderers stand above the report and are looked up by name where one is drawn."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return the page as plain text, as wide as the terminal."""
        return str(self.table())

    def __rich_console__(self, console: Any, options: Any) -> Iterable[Any]:
        """Yield the lines of the page: ``rich.print(report)`` shows it in colour."""
        return self.table().__rich_console__(console, options)  # type: ignore[no-any-return]

    def _repr_html_(self) -> str:
        """Return the rows as one HTML table without a script: a notebook shows it."""
        return self.table()._repr_html_()  # type: ignore[no-any-return]

    def show(self, height: int = 900) -> Any:
        """Return the page of pictures in a frame of ``height`` pixels, which a notebook shows.

        What it can draw depends on the sections that the report was made with; see docs/html.md.
        """
        return import_module("convinspect.render.frame").Frame(self, height)

    def table(
        self,
        columns: str | Sequence[str] = (),
        depth: int | Literal["all"] | None = None,
        **form: Any,
    ) -> Any:
        """Return the page in another form; it prints itself, and rich and notebooks show it.

        ``columns`` are names, ``default`` and ``all`` among them; ``depth`` a number of levels or ``"all"``. ``form``:
        ``expand``, ``only``, ``sort``, ``top``, ``brief``, ``verbose``, ``width``, ``lines`` as on the command line.
        Raises `UsageError` for a column or a module that is not there.
        """
        options = import_module("convinspect.render.options")
        names = tuple(columns.replace(" ", "").split(",")) if isinstance(columns, str) else tuple(columns)
        import_module("convinspect.render.columns").chosen(names)
        form.setdefault("width", shutil.get_terminal_size((options.PAGE_WIDTH, options.PAGE_LINES)).columns)
        page = import_module("convinspect.render.page").Page
        return page(self, options.Options(columns=names, depth=options.parse_depth(depth), **form))

    def to_pandas(self) -> Any:
        """Return a data frame with one row a layer, its columns as ``--format csv`` has them; pandas must be there."""
        rows = import_module("convinspect.render.csv").records(self)
        return import_module("pandas").DataFrame(rows)
