"""Scrubbing: nothing that was planted in a note remains, every date moves by the person's days, and what stands around stays."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.export.deidentify.calendar import is_placeholder
from plait.export.deidentify.text.dates import Shift, count_orders
from plait.export.deidentify.text.rules import Seen, rules
from plait.export.deidentify.text.scrub import Scrubber
from plait.export.deidentify.text.spans import merged, rewritten
from planted import PLAIN, planted

if TYPE_CHECKING:
    from pathlib import Path

DAYS = -100
SCRUBBER = Scrubber(order="month")


def shifted(text: str, days: int = DAYS) -> str:
    """Give a text with its dates shifted and nothing else done."""
    return rewritten(text, merged(Shift(days).find(Seen.of(text))))


@given(st.integers(0, 10**9), st.integers(-365, -1))
def test_nothing_planted_remains_and_dates_move_by_the_persons_days(seed: int, days: int) -> None:
    note = planted(seed)
    done = SCRUBBER.scrub(note.text, days, note.own)
    for kind, value in note.values:
        if kind != "age":
            assert value not in done.text, (kind, done.text)
    assert not re.search(r"\b9\d(-year| years)", done.text)
    for day, form in note.dates:
        moved = day + dt.timedelta(days=days)
        forms = {f"{moved:{one}}" for one in (form, form.replace("%b", "%B"))}  # May is long and short
        assert any(one in done.text or one.lstrip("0") in done.text or one.replace(" 0", " ") in done.text for one in forms), (form, done.text)
    for sentence in PLAIN:
        assert note.text.count(sentence) == done.text.count(sentence)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-03-14", "2018-12-04"),
        ("2019-03-14T10:22:00Z", "2018-12-04T10:22:00Z"),
        ("03/14/2019", "12/04/2018"),
        ("3/4/19", "11/24/18"),
        ("3/4/2019 and 14/3/2019", "24/12/2018 and 4/12/2018"),
        ("14.03.2019 um 10:00", "04.12.2018 um 10:00"),
        ("3.4.19", "24.12.18"),
        ("seen 01/01/1900, valid until 31.12.2099", "seen 01/01/1900, valid until 01.01.2099"),
        ("Tuesday, March 5, 2019", "Sunday, November 25, 2018"),
        ("Tue 03/05/2019", "Sun 11/25/2018"),
        ("3rd of March, 2019", "23rd of November, 2018"),
        ("2nd March 2019", "22nd November 2018"),
        ("14-MAR-2019", "04-DEC-2018"),
        ("14MAR2019", "04DEC2018"),
        ("3-Mar-19", "23-Nov-18"),
        ("Sept. 3, 2019", "May. 26, 2019"),
        ("20190314153000", "20181204153000"),
        ("3. März 2019", "23. November 2018"),
        ("Dienstag, 5. März 2019", "Sonntag, 25. November 2018"),
        ("le 1er mars 2019", "le 21 novembre 2018"),
        ("3 de marzo de 2019", "23 de noviembre de 2018"),
        ("5 maart 2019", "25 november 2018"),
        ("29 February 2020", "21 November 2019"),
        ("March 2019", "[date]"),
        ("March 3", "[date]"),
        ("3 March", "[date]"),
        ("March 3-5, 2019", "[date]"),
        ("on 3/14 he", "on [date] he"),
        ("Monday 3/14", "Monday [date]"),
        ("03/14-03/16/2019", "[date]-12/06/2018"),
        ("from 03/2019 to 5/2020", "from [date] to [date]"),
        ("in the summer of 2018", "in the [date]"),
        ("02/30/2019", "[date]"),
        ("BP 120/80, 5/5 strength, pain 2/10, 1/2 tablet", "BP 120/80, 5/5 strength, pain 2/10, 1/2 tablet"),
        ("may 10 mg daily, v1.2.3, since 2011, 13.2 g/dL", "may 10 mg daily, v1.2.3, since 2011, 13.2 g/dL"),
    ],
)
def test_dates_keep_the_form_that_they_have(text: str, expected: str) -> None:
    assert shifted(text) == expected


OWN_DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2075, 1, 1)).filter(lambda day: not is_placeholder(day, 50))
"""Days that stand for no unknown one."""


@given(OWN_DAYS, OWN_DAYS, st.integers(-365, -1))
def test_intervals_between_dates_of_a_note_stay(first: dt.date, second: dt.date, days: int) -> None:
    done = shifted(f"{first.isoformat()} until {second:%B} {second.day}, {second.year}", days)
    one, other = done.split(" until ")
    assert dt.datetime.strptime(other, "%B %d, %Y").date() - dt.date.fromisoformat(one) == second - first  # noqa: DTZ007 - days have no zone
    assert dt.date.fromisoformat(one) == first + dt.timedelta(days=days)


def test_the_studys_notes_say_what_stands_first() -> None:
    assert count_orders("seen 25/12/2019 and 13/01/2020, then 01/31/2020, not 03/04/2019") == (2, 1)
    assert rewritten("3/4/2019", merged(Shift(-1, "day").find(Seen.of("3/4/2019")))) == "2/4/2019"


OWN = (("name", "Ada539"), ("name", "Müller-Lüdenscheidt"), ("name", "Young"), ("name", "Li"), ("number", "MRN-0042-Z"), ("address", "563 Fixture Way"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ada539 came", "[name] came"),
        ("ADA 539 came", "[name] came"),
        ("MULLER LUDENSCHEIDT came", "[name] came"),
        ("Müller-\nLüdenscheidt came", "[name] came"),
        ("MÃ¼ller-LÃ¼denscheidt came", "[name] came"),
        ("Muller-1udenscheidt came", "[name] came"),
        ("mrn 0042 z, mrn0042z", "[id], [id]"),
        ("at 563 FIXTURE  way", "at [address]"),
        ("Young came, a young woman", "[name] came, a young woman"),
        ("Li came with 5 units of li", "[name] came with 5 units of li"),
        ("A\u200bda\u00ad539 came", "[name] came"),
        ("\ufeff\uff21\uff44\uff41\uff15\uff13\uff19 came", "[name] came"),
        ("A\x00d\x00a\x005\x003\x009\x00 \x00c\x00a\x00m\x00e\x00", "[name] came"),
    ],
)
def test_the_persons_own_names_go_however_they_are_written(text: str, expected: str) -> None:
    assert SCRUBBER.scrub(text, DAYS, OWN).text == expected


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Signed: Mary Ann O'Brien, RN", "O'Brien"),
        ("Dr. Jean de la Fontaine-Dupont sees her", "Fontaine"),
        ("NAME: DOE, JOHN Q\nAGE: 95", "DOE"),
        ("Attending Physician: J. R. Smithers", "Smithers"),
        ("ZIP: 02139", "02139"),
        ("P.O. Box 1234", "1234"),
        ("Boston, MA 02139", "02139"),
        ("Hauptstraße 12", "Hauptstraße"),
        ("see http://intranet/patient/123", "intranet"),
        ("fe80:0:0:0:200:f8ff:fe21:67cf", "fe21"),
        ("DEA# AB1234563", "AB1234563"),
        ("NPI 1234567893", "1234567893"),
        ("license plate 7ABC123", "7ABC123"),
        ("pager 4711", "4711"),
        ("a ninety-three-year-old", "ninety-three"),
        ("born in 1921", "1921"),
        ("uid 1.2.840.113619.2.55.3.604688", "113619"),
        ("id 0b2d152c-ac3e-4b71-8ef3-917ed5756329", "917ed5756329"),
        ("transferred from St. Mary's Hospital", "Mary"),
        ("Krankenhaus, Tel. 0221 / 4701234", "4701234"),
    ],
)
def test_what_identifies_goes(text: str, left: str) -> None:
    done = SCRUBBER.scrub(text, DAYS)
    assert left not in done.text
    assert sum(done.found.values()) >= 1


def test_every_rule_finds_something() -> None:
    """A rule that nothing meets is none: each is met by what is planted, or by the examples above."""
    met: set[str] = set()
    for seed in range(300):
        met |= {rule for _, rule in SCRUBBER.scrub(planted(seed).text, DAYS).found}
    examples = """phone 617 555 0199 ext 12; beeper: 4711; ID: 12345; Visit No 4711-22; #123456; SSN 987-65-4320; 12345-6789; postal code: SW1A 1AA;
        SW1A 1AA; D-50667 Köln; 12 rue de la Paix; P.O. Box 77; Hauptstraße 12; lives in Springvale; mr. smith; Dear Jane,; fe80:0:0:0:200:f8ff:fe21:67cf;
        aged 97; ninety-three-year-old; born 1921; 1.2.840.113619.2.55.3; 0b2d152c-ac3e-4b71-8ef3-917ed5756329; S19-12345; X53631011X; AB-123-456;
        0221 / 4701234; Methodist Hospital; clinic.example.org; 4 Elm St; Boston, MA 02139; wife Martha; address is 4 Elm;
        SSN: XXX-XX-1234; Tel. 4701234; then Mary Smithers, MD; """
    met |= {rule for _, rule in SCRUBBER.scrub(examples, DAYS).found}
    text = "A text with enough of everything: 12345678 :// www. @ # - . : + / 1. 2. " + " ".join(need for rule in rules() for need in rule.needs)
    assert SCRUBBER.scrub(text, DAYS).text
    assert {rule.name for rule in rules()} - met == set()


@pytest.mark.parametrize("text", ["", " ", "\x00", "İstanbul 2019-03-14", "ß" * 9, "[name] [date]", "1" * 400, "a." * 300, "(" * 200, "Dr. " * 100])
def test_odd_texts_are_scrubbed_too(text: str) -> None:
    done = SCRUBBER.scrub(text, DAYS, OWN).text
    assert "2019-03-14" not in done
    assert SCRUBBER.scrub("[name] [date]", DAYS).text == "[name] [date]"


@given(st.text(max_size=300), st.integers(-365, -1))
def test_any_text_can_be_scrubbed(text: str, days: int) -> None:
    done = SCRUBBER.scrub(text, days, OWN)
    assert done.text == SCRUBBER.scrub(text, days, OWN).text
    assert not done.found or done.text != text or all(kind == "date" for kind, _ in done.found)


def test_medical_words_stay(shared: Path) -> None:
    """Of transcriptions whose names were taken out before, little but their dates and placeholders for doctors is found."""
    texts = [each["text"] for each in json.loads((shared / "data/notes/medcat/mtsamples_dev.json").read_text(encoding="utf-8"))]
    done = [SCRUBBER.scrub(text, DAYS) for text in texts]
    taken = sum(count for one in done for (kind, _), count in one.found.items() if kind != "date")
    words = sum(len(text.split()) for text in texts)
    assert words > 8000
    assert taken < words / 200
    assert sum(count for one in done for (kind, rule), count in one.found.items() if rule in {"month-first", "month-name"}) >= 15
