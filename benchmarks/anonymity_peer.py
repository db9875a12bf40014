"""What pycanon says of tables: run by `anonymity.py --peer PYTHON`, in an interpreter that has it.

Reads [{"columns": {name: [value, …]}, "quasi": [name, …], "sensitive": name}, …] and writes [[k, l, entropy l, t], …].
"""

from __future__ import annotations

import json
import sys

import pandas as pd  # type: ignore[import-untyped, unused-ignore]
from pycanon import anonymity  # type: ignore[import-not-found]


def main() -> None:
    """Answer."""
    found = []
    for one in json.load(sys.stdin):
        data, quasi, sensitive = pd.DataFrame(one["columns"]), one["quasi"], [one["sensitive"]]
        found.append(
            [
                int(anonymity.k_anonymity(data, quasi)),
                int(anonymity.l_diversity(data, quasi, sensitive)),
                int(anonymity.entropy_l_diversity(data, quasi, sensitive)),
                float(anonymity.t_closeness(data, quasi, sensitive)),
            ]
        )
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
