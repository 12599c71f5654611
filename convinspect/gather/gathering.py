"""Many jobs to as many outcomes: what is saved or kept is taken as it is, and the rest is run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from convinspect.errors import Complaint, InspectError
from convinspect.gather.job import Job, Outcome, Prepared, as_asked, key_of
from convinspect.gather.revision import tree_of
from convinspect.gather.store import Store, cache_folder, is_saved_report, read_saved_report

if TYPE_CHECKING:
    from convinspect.gather.workshop import Workbench


def gather(
    jobs: Sequence[Job],
    *,
    workers: int = 1,
    timeout: float | None = None,
    cache: bool = True,
    progress: Callable[[int, Outcome], None] | None = None,
    bench: Workbench | None = None,
    stop: Callable[[], bool] | None = None,
) -> tuple[Outcome, ...]:
    """Return the outcome of each job, in their order; what is asked for twice is run once.

    ``workers`` models run at a time, each for ``timeout`` seconds at most. Without ``cache`` nothing is taken from
    earlier runs, and nothing kept for later ones. ``progress`` is called, in this thread, with the index of a job and
    its outcome as soon as it is known. However this ends, no process and no temporary file is left; but for a
    ``bench``, whose processes wait for the next gathering. ``stop`` is asked all the while, where processes are forked:
    when it says so, what runs is killed.
    """
    store = Store(cache_folder() if cache else None)
    outcomes: dict[int, Outcome] = {}

    def known(index: int, outcome: Outcome) -> None:
        for place, job in enumerate(jobs):
            if job == jobs[index]:
                outcomes[place] = outcome
                if progress is not None:
                    progress(place, outcome)

    to_run = []
    for index, job in enumerate(jobs):
        if job in jobs[:index]:
            continue
        found = _found(index, job, store)
        if isinstance(found, Prepared):
            to_run.append(found)
        else:
            known(index, found)
    if to_run:
        from convinspect.gather.workshop import work  # noqa: PLC0415 - what is kept is found without all that

        with closing(work(to_run, store, workers=workers, timeout=timeout, bench=bench, stop=stop)) as done:
            for index, outcome in done:
                known(index, outcome)
    return tuple(outcomes[index] for index in range(len(jobs)))


def _found(index: int, job: Job, store: Store) -> Outcome | Prepared:
    """Return the outcome of a job that needs no run, or what a run of it needs."""
    folder = os.path.abspath(job.folder)
    try:
        tree = None if job.revision is None else tree_of(folder, job.revision)
        if tree is None and is_saved_report(job.request, folder):
            return Outcome(read_saved_report(job.request, folder), None, cached=False)
    except InspectError as error:
        return Outcome(None, Complaint.of(error), cached=False)
    key = key_of(job, folder, tree)
    kept = None if key is None else store.find(key)
    if kept is None:
        return Prepared(index, job, folder, tree, key)
    report, notes = kept
    return Outcome(as_asked(report, job), None, cached=True, notes=notes)
