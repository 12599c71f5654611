"""How a report shows itself: printed, by rich, in a notebook, as a data frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module  # noqa: TID251 - pandas may not be installed
from typing import Any, ClassVar, Literal


class Shown:
    """A report that draws itself, without knowing by what: the package's front door says what ``drawn_by`` is.

    Renderers know reports; a report that named them would close a circle. They are brought in where one is drawn.
    """

    __slots__ = ()
    drawn_by: ClassVar[Callable[[], Any]]

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
        return Shown.drawn_by().Frame(self, height)

    def table(self, columns: str | Sequence[str] = (), depth: int | Literal["all"] | None = None, **form: Any) -> Any:
        """Return the page in another form; it prints itself, and rich and notebooks show it.

        ``columns`` are names, ``default`` and ``all`` among them; ``depth`` a number of levels or ``"all"``. ``form``:
        ``expand``, ``only``, ``sort``, ``top``, ``brief``, ``verbose``, ``width``, ``lines`` as on the command line.
        Raises `UsageError` for a column or a module that is not there.
        """
        return Shown.drawn_by().table(self, columns, depth, **form)

    def to_pandas(self) -> Any:
        """Return a data frame with one row a layer, its columns as ``--format csv`` has them; pandas must be there."""
        return import_module("pandas").DataFrame(Shown.drawn_by().records(self))
