"""Words as identifiers are compared by: without accents, in small letters, whatever stands between them.

`Müller-Lüdenscheidt` and `MULLER LUDENSCHEIDT` are one phrase of two words, as are `617-555-0199` and `(617) 555.0199` one of three.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt
    import polars as pl

WORD = re.compile(r"[^\W_]+")
"""A word: letters and digits with nothing between."""

_WORD = r"[\p{L}\p{N}]+"
_MARK = r"\p{M}+"
_SEED = 20
_WIDEST_KEY = 3
_RARELY = 50
"""A word shorter than the one is a phrase's key only where its longer words are of this many times as many phrases: it stands in many texts."""


@lru_cache(1 << 16)
def level(word: str) -> str:
    """Give a word in small letters, without accents.

    >>> level("Lüdenscheidt"), level("GROß"), level("Ångström")
    ('ludenscheidt', 'gross', 'angstrom')
    """
    if word.isascii():
        return word.lower()
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", word) if not unicodedata.category(sign).startswith("M"))
    return plain.lower().replace("ß", "ss")


def words(text: str) -> list[str]:
    """Give the words of a text, levelled.

    >>> words("MRN-0042-Z")
    ['mrn', '0042', 'z']
    """
    return [level(match[0]) for match in WORD.finditer(text)]


def levelled(texts: pl.Series) -> pl.Series:
    """Give the words of each text, levelled: a list a text."""
    if texts.str.len_bytes().sum() != texts.str.len_chars().sum():
        texts = texts.str.normalize("NFKD").str.replace_all(_MARK, "").str.replace_all("[ßẞ]", "ss")
    return texts.str.to_lowercase().str.extract_all(_WORD)


class Phrases:
    """Phrases that are looked for in many texts at once, each by one of its words that few others have.

    Args:
        texts: Texts that are looked for, of one word or more.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        import polars as pl

        found = levelled(pl.Series("word", list(texts), pl.String)).list.join(" ").unique(maintain_order=False).sort()
        self.phrases = pl.DataFrame({"phrase": found.filter(found != "")})
        self._index()

    def _index(self) -> None:
        """Choose the word of each phrase by which it is found, and order the phrases by its hash."""
        import polars as pl

        each = self.phrases.with_row_index("n").with_columns(pl.col("phrase").str.split(" ").alias("key")).explode("key")
        each = each.with_columns(pl.len().over("key").alias("shared"), pl.col("key").str.len_chars().alias("length"))
        each = each.with_columns(pl.when(pl.col("length") < _WIDEST_KEY).then(pl.col("shared") * _RARELY).otherwise("shared").alias("shared"))
        chosen = each.sort("n", "shared", pl.col("length").cast(pl.Int64) * -1, "key").unique("n", keep="first")
        chosen = chosen.with_columns(pl.col("key").hash(_SEED).alias("place")).sort("place", "phrase")
        self.phrases = chosen.select("phrase", "key")
        self._places: npt.NDArray[np.uint64] = chosen["place"].to_numpy()

    def __len__(self) -> int:
        """Give their number."""
        return self.phrases.height

    def without(self, spoken: pl.Series) -> Phrases:
        """Give the phrases that are not among some."""
        import polars as pl

        left = Phrases(())
        left.phrases = self.phrases.select("phrase").filter(~pl.col("phrase").is_in(spoken.implode()))
        left._index()
        return left

    def within(self, texts: pl.Series) -> pl.DataFrame:
        """Give which phrases stand in which texts: `row` (place of the text), `phrase`, each pair once."""
        import polars as pl

        nothing = pl.DataFrame(schema={"row": pl.UInt32, "phrase": pl.String})
        if not len(self) or not len(texts):
            return nothing
        spoken = levelled(texts)
        each = spoken.explode(empty_as_null=False).drop_nulls().unique()
        keys = self._keyed(each)
        if not keys.height:
            return nothing
        rows = pl.DataFrame({"word": spoken}).with_row_index("row").filter(pl.col("word").list.len() > 0)
        asked = rows.explode("word").filter(pl.col("word").is_in(keys["key"].unique().implode())).unique()
        pairs = asked.join(keys, left_on="word", right_on="key").join(rows.select("row", pl.col("word").list.join(" ").alias("text")), on="row")
        here = (" " + pl.col("text") + " ").str.contains(" " + pl.col("phrase") + " ", literal=True)
        return pairs.filter(here).select("row", "phrase").unique()

    def _keyed(self, each: pl.Series) -> pl.DataFrame:
        """Give the phrases (`phrase`, `key`) whose key is among some words."""
        import numpy as np
        import polars as pl

        hashes = each.hash(_SEED).to_numpy()
        low, high = np.searchsorted(self._places, hashes, "left"), np.searchsorted(self._places, hashes, "right")
        found = [row for start, end in zip(low[low < high].tolist(), high[low < high].tolist(), strict=True) for row in range(start, end)]
        return self.phrases[found].filter(pl.col("key").is_in(each.implode())) if found else self.phrases.clear()
