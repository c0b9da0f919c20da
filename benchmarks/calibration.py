"""What share of facts is right, by what stands behind them? Counts for `extractors.checks.confidence`, and how well they foretell.

    python benchmarks/calibration.py --scorer SCORER_DIR NAME=TRUTH_DIR[@DPI] ... [--keep FOLDER]

Each set is a folder of PDFs with `*.truth.json`, read as it is or, with `@DPI`, as noisy pictures. Prints the counts of all sets as
the table that `extractors.checks.confidence` holds, and a reliability table for each set: stated confidence against the share that is right,
where the confidence of each document's facts comes from the counts of the other documents alone (a document that is in several sets
is held out of all). With `--keep` what was read is kept in FOLDER/NAME, see `benchmarks/statements.py`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from statements import documents, drawn, read, reliability, score

from extractors.checks.confidence import calibrated, evidence_of
from schemas.records import Fact

Kind = tuple[Any, Any, bool]  # evidence, outcome of the checks, whether it is flagged


class Judged(NamedTuple):
    """A fact on a page with a true statement."""

    source: str  # name of its set
    document: str
    kind: Kind
    right: bool


def kind_of(fact: Fact) -> Kind:
    return evidence_of(fact), fact.check_status, fact.needs_review


def count(judged: Iterable[Judged]) -> dict[Kind, tuple[int, int]]:
    """Return right facts and all facts of each kind."""
    rights, alls = Counter[Kind](), Counter[Kind]()
    for fact in judged:
        alls[fact.kind] += 1
        rights[fact.kind] += fact.right
    return {kind: (rights[kind], alls[kind]) for kind in sorted(alls)}


def held_out(judged: list[Judged]) -> Iterator[tuple[str, float, bool]]:
    """Yield for each fact its set, the confidence that the other documents' counts give it, and whether it is right."""
    for document in sorted({fact.document for fact in judged}):
        others = count(fact for fact in judged if fact.document != document)
        for fact in judged:
            if fact.document == document:
                yield fact.source, calibrated(*fact.kind, counts=others), fact.right


def report(judged: list[Judged]) -> Iterator[str]:
    yield "COUNTS"
    for (behind, status, flagged), (right, n) in count(judged).items():
        yield f'    ("{behind}", "{status}", {flagged}): ({right}, {n}),'
    stated = list(held_out(judged))
    for source in sorted({fact.source for fact in judged}):
        yield f"{source}, each document by the counts of the others"
        yield from (
            "  " + line for line in reliability([(c, right) for s, c, right in stated if s == source])
        )


def judged_facts(name: str, where: str, scorer: Any, keep: Path) -> Iterator[Judged]:
    folder, _, dpi = where.partition("@")
    kept = keep / name
    kept.mkdir(parents=True, exist_ok=True)
    for stem, path, truth in documents(Path(folder), []):
        source = drawn(path, int(dpi), kept) if dpi else path
        facts = [fact for fact in read(source, kept).facts if fact.value is not None]
        for right, fact in score(facts, truth, scorer)[1]:
            yield Judged(name, stem, kind_of(fact), right)


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("sets", nargs="+", metavar="NAME=TRUTH_DIR[@DPI]")
    arguments.add_argument("--scorer", type=Path, required=True)
    arguments.add_argument("--keep", type=Path, metavar="FOLDER")
    options = arguments.parse_args()
    sys.path.insert(0, str(options.scorer))
    scorer = importlib.import_module("statements_eval")
    with tempfile.TemporaryDirectory() as scratch:
        keep = options.keep or Path(scratch)
        judged = [
            fact
            for name, _, where in (each.partition("=") for each in options.sets)
            for fact in judged_facts(name, where, scorer, keep)
        ]
    print(*report(judged), sep="\n")


if __name__ == "__main__":
    main()
