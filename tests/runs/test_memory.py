"""Bounded memory: what does not fit is spilt under the study."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import plait
from shell import environment

if TYPE_CHECKING:
    from tiny_study import Tiny

pytestmark = pytest.mark.long

RECORDS = 1_000_000
LIMIT_MIB, PEAK_MIB = 512, 1280
MEASURED = """
import atexit, pathlib, re, runpy
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print(re.search(r"VmHWM:\\s+([0-9]+) kB", status.read_text())[1]))
runpy.run_module("plait", run_name="__main__")
"""
"""Runs plait and prints the most memory that it had, which getrusage does not tell: that counts the parent's before exec, too."""


def test_a_patient_with_a_million_records_passes_under_a_small_limit(fresh: Tiny) -> None:
    """The patient's events take more than the limit; a Python process with its libraries takes some 200 MiB beside it."""
    start = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - OMOP's times have no zone
    with fresh.file("observations").open("w", encoding="utf-8") as file:
        file.write("DATE,PATIENT,ENCOUNTER,CATEGORY,CODE,DESCRIPTION,VALUE,UNITS,TYPE\n")
        file.writelines(
            f"{start + dt.timedelta(minutes=7 * number)},MRN-4711,V-1,vital-signs,8867-4,Heart rate,{60 + number % 40}.0,/min,numeric\n"
            for number in range(RECORDS)
        )
    command = [sys.executable, "-c", MEASURED, "etl", "run", "-q", "--memory", f"{LIMIT_MIB}MiB", "-s", str(fresh.path)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout.split()[-1]) / 1024 < PEAK_MIB
    con = plait.open(fresh.path).connect()
    assert con.execute("SELECT count(*), count(DISTINCT measurement_id), count(DISTINCT person_id) FROM cdm.measurement").fetchone() == (RECORDS, RECORDS, 1)
    assert not (fresh.path / "warehouse/.spill").exists()
