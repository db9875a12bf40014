"""From what files may mean to SELECTs: one for each staged shape that a file seems to give."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plait.etl.profiling.guess import (
    CodeGuess,
    Meaning,
    birth_of,
    body_of,
    codes_of,
    domain_of,
    is_aside,
    is_provider_file,
    is_site_file,
    main_code,
    roles_of,
    system_of,
    time_of,
    version_of,
)
from plait.etl.profiling.profile import snake

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.etl.profiling.columns import Column
    from plait.etl.profiling.profile import Profile, RawFile

_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOST_PARTS = 60
"""Columns that one SELECT makes rows of."""

_SINGLE = ("unit", "low", "high", "quantity", "days_supply", "refills", "route", "sig", "status")
"""Roles of columns of an event that are handed on as they are, and below under which names."""

_ALIASES = {"low": "range_low", "high": "range_high", "status": "stop_reason"}


@dataclass(slots=True)
class Line:
    """One column of a SELECT: the expression, its name, and why it was guessed."""

    expression: str
    alias: str
    why: str = ""


@dataclass(slots=True)
class Join:
    """A look-up that a SELECT joins: its file, its key, and the column of the SELECT's file that names it."""

    alias: str
    file: str
    key: str
    column: str
    columns: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """One of several codes, or values, that a record holds side by side."""

    code: str
    value: str | None


@dataclass(slots=True)
class Proposed:
    """A SELECT that is proposed.

    Attributes:
        file: The file that it reads.
        shape: The shape that it gives.
        what: What one row is.
        why: Why the file was taken for that.
        lines: Its columns beside `_pointer`.
        needed: Columns of the file that it cannot do without.
        read: All columns of the file that it names.
        joins: Look-ups.
        parts: Where a record gives several rows: their codes and values.
    """

    file: str
    shape: str
    what: str
    why: str
    lines: list[Line] = field(default_factory=list)
    needed: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    joins: list[Join] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)

    def take(self, column: str, alias: str, why: str = "", *, form: str = "{}", needed: bool = False) -> None:
        """Add a column of the file under a name of the shape."""
        self.lines.append(Line(form.format(self.named(column)), alias, why))
        self.note(column, needed=needed)

    def note(self, column: str, *, needed: bool = False) -> None:
        """Say that a column of the file is read."""
        (self.needed if needed else self.read).append(column)

    def say(self, expression: str, alias: str, why: str = "") -> None:
        """Add an expression that reads no column."""
        self.lines.append(Line(expression, alias, why))

    def named(self, column: str) -> str:
        """Give how the SELECT names a column of its file."""
        return f"r.{identifier(column)}"


@dataclass(slots=True)
class Proposal:
    """What is proposed for a folder: the SELECTs, the formats of times, the words for no value, and what nobody could make sense of.

    `systems` are the code systems that the SELECTs name with the vocabularies to look in, `words` those of the sources's own whose codes
    are words that everybody knows (sexes, kinds of visits).
    """

    meaning: Meaning
    name: str
    order: str
    selects: list[Proposed] = field(default_factory=list)
    systems: dict[str, tuple[str, ...]] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def of(self, file: str) -> list[Proposed]:
        """Give the SELECTs of a file."""
        return [select for select in self.selects if select.file == file]


def identifier(name: str) -> str:
    """Give a name as SQL takes it, in quotes where it must be."""
    return name if _BARE.fullmatch(name) and name.lower() not in _RESERVED else '"' + name.replace('"', '""') + '"'


_RESERVED = frozenset(
    re.findall(
        "[a-z_]+",
        """all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct
        do else end except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order
        pivot pivot_longer pivot_wider placing primary qualify references returning select show some summarize symmetric table then to trailing true union
        unique unpivot using variadic when where window with""",
    )
)
"""Words that DuckDB keeps for itself (`duckdb_keywords()`, reserved)."""


def propose(profile: Profile, name: str) -> Proposal:
    """Give SELECTs for the files of a profile, as far as they make sense; `name` is what the source is called."""
    meaning = Meaning(profile)
    orders = [column.order for file in profile.files for column in file.columns.values()]
    order = "month" if orders.count("month") > orders.count("day") else "day"
    proposal = Proposal(meaning, name, order)
    if "either" in orders and not {"day", "month"} & set(orders):
        proposal.notes.append("Days or months first? No date tells: days were taken to come first. Change time_formats if that is wrong.")
    for file in profile.files:
        _propose_file(proposal, file)
    return proposal


def _propose_file(proposal: Proposal, file: RawFile) -> None:
    """Add the SELECTs of one file."""
    meaning = proposal.meaning
    has_person = file.name in meaning.person_columns or file.name in meaning.visit_columns
    if meaning.person is not None and file.name == meaning.person[0]:
        _persons(proposal, file)
    elif meaning.visit is not None and file.name == meaning.visit[0]:
        _visits(proposal, file)
    elif not has_person and is_provider_file(file):
        _providers(proposal, file)
    elif not has_person and is_site_file(file):
        _sites(proposal, file)
    elif has_person and body_of(file) is not None:
        _notes(proposal, file)
    elif has_person:
        _events(proposal, file)
    elif any(reference.file == file.name for other in meaning.profile.files for reference in other.references):
        meaning.lookups.add(file.name)
    else:
        proposal.notes.append(f"{file.name}: it names no person and no other file refers to it; nothing reads it.")


def _persons(proposal: Proposal, file: RawFile) -> None:
    _, key = proposal.meaning.person or ("", "")
    born = next(column for column in file.columns.values() if birth_of(column))
    select = Proposed(file.name, "person", "a patient", f"it has a birth ({born.name}), and {_as_key(file, key)}")
    select.take(key, "person", "the identifier that other files name" if _asked(proposal, file.name, key) else "", needed=True)
    if born.kind == "time":
        _take_time(proposal, select, born, "birth", needed=True)
    else:
        select.take(born.name, "birth", "a year alone: its first day stands for it", form="{} || '-01-01'", needed=True)
    for role, alias in (("sex", "gender"), ("race", "race"), ("ethnicity", "ethnicity")):
        column = next((one for one in file.columns.values() if role in roles_of(one.name) and one.distinct and one.name != key), None)
        if column is not None:
            system = f"{proposal.name.upper()}_{role.upper()}"
            select.take(column.name, alias)
            select.say(f"'{system}'", f"{alias}_system", _known_words(proposal, column, role, system))
    proposal.selects.append(select)
    died = next((column for column in file.columns.values() if column.kind == "time" and "death" in roles_of(column.name)), None)
    if died is not None:
        death = Proposed(file.name, "death", "the death of a patient", f"{died.name} is a time")
        death.take(key, "person", needed=True)
        _take_time(proposal, death, died, "start")
        death.say("'ehr'", "type")
        death.say(f"CASE WHEN {death.named(died.name)} IS NULL THEN 'alive' END", "_ignore", "a patient without it is left out by this rule")
        proposal.selects.append(death)


def _known_words(proposal: Proposal, column: Column, role: str, system: str) -> str:
    if column.words.get(role, 0.0) == 1:
        proposal.words[system] = role
        return "all its values are known words, which source_to_concept_map.csv maps"
    return "a system of its own: map its codes in source_to_concept_map.csv"


def _visits(proposal: Proposal, file: RawFile) -> None:
    meaning = proposal.meaning
    assert meaning.visit is not None  # noqa: S101 - only then it is called
    key, start, end = meaning.visit[1], time_of(file, "start"), time_of(file, "end")
    assert start is not None  # noqa: S101 - a file of visits has one
    select = Proposed(file.name, "visit", "an encounter", f"it names a person and a time, and {_as_key(file, key)}")
    _take_person(proposal, select, file)
    select.take(key, "visit", needed=True)
    _take_time(proposal, select, start, "start", needed=True)
    if end is not None:
        _take_time(proposal, select, end, "end")
    kind = next((column for column in file.columns.values() if "class" in roles_of(column.name) and column.kind == "text"), None)
    if kind is None:
        kind = next((column for column in file.columns.values() if column.words.get("visit", 0) == 1), None)
    if kind is not None:
        system = f"{proposal.name.upper()}_{snake(kind.name).upper()}"
        select.take(kind.name, "code")
        select.say(f"'{system}'", "code_system", _known_words(proposal, kind, "visit", system))
    coded = next((guess for column in file.columns.values() if (guess := codes_of(column, file)) is not None and not is_aside(guess.column)), None)
    if coded is not None:
        select.take(coded.column, "kind", form=coded.expression)
        select.say(f"'{coded.system}'", "kind_system", coded.why)
        proposal.systems[coded.system] = coded.vocabularies
        _take_display(proposal, select, file, coded.column)
    for role in ("provider", "care_site"):
        column = _other(file, role, taken={key, kind.name if kind else ""})
        if column is not None:
            select.take(column.name, role)
    select.say("'ehr'", "type")
    proposal.selects.append(select)


def _providers(proposal: Proposal, file: RawFile) -> None:
    select = Proposed(file.name, "provider", "somebody who gives care", f"it names no person, and {_as_key(file, str(file.key))}")
    select.take(str(file.key), "provider", needed=True)
    name = next((column for column in file.columns.values() if "display" in roles_of(column.name)), None)
    special = next((column for column in file.columns.values() if "specialty" in roles_of(column.name)), None)
    site = _other(file, "care_site", taken={str(file.key)})
    if name is not None:
        select.take(name.name, "provider_name")
    if special is not None:
        select.take(special.name, "specialty")
        select.say(f"'{proposal.name.upper()}_SPECIALTY'", "specialty_system", "a system of its own")
    if site is not None:
        select.take(site.name, "care_site")
    proposal.selects.append(select)


def _sites(proposal: Proposal, file: RawFile) -> None:
    select = Proposed(file.name, "care_site", "a place of care", f"it names no person, and {_as_key(file, str(file.key))}")
    select.take(str(file.key), "care_site", needed=True)
    name = next((column for column in file.columns.values() if "display" in roles_of(column.name) and column.name != file.key), None)
    if name is not None:
        select.take(name.name, "care_site_name")
    proposal.selects.append(select)


def _notes(proposal: Proposal, file: RawFile) -> None:
    body, start = body_of(file), time_of(file, "start")
    assert body is not None  # noqa: S101 - only then it is called
    if start is None and file.name not in proposal.meaning.visit_columns:
        proposal.notes.append(f"{file.name}: it has texts ({body.name}) and no time; nothing reads it.")
        return
    select = Proposed(file.name, "note", "a text", f"{body.name} holds texts of {body.mean_length:,.0f} letters on the mean")
    _take_person(proposal, select, file)
    key = next((one for (one,) in [columns for columns in file.keys if len(columns) == 1] if one != body.name), None)
    if key is not None:
        select.take(key, "note", _as_key(file, key))
    else:
        select.say("CAST(r._pointer.digest AS VARCHAR)", "note", "no column is a key: a digest of the record stands for one")
    _take_start(proposal, select, file, start)
    select.take(body.name, "body", needed=True)
    select.say("'ehr_note'", "type")
    proposal.selects.append(select)


def _events(proposal: Proposal, file: RawFile) -> None:
    """Add the SELECT of a file whose records are events, or say why there is none."""
    meaning = proposal.meaning
    start = time_of(file, "start")
    if start is None and not (file.name in meaning.visit_columns and meaning.visit and time_of(meaning.file(meaning.visit[0]), "start")):
        proposal.notes.append(f"{file.name}: it names a person, and neither a time nor a visit that has one; nothing reads it.")
        return
    keys = {meaning.person_columns.get(file.name), meaning.visit_columns.get(file.name)}
    version = version_of(file)
    free = [column for column in file.columns.values() if column.name not in keys and column.kind != "time"]
    value = next((column for column in free if "value" in roles_of(column.name) and column.distinct), None)
    coded = [guess for column in free if column is not value and (guess := codes_of(column, file, versioned=version)) is not None]
    select = Proposed(file.name, "event", "", "")
    facts = [reference.column for reference in file.references if reference.file in {*meaning.person_columns, *meaning.visit_columns}]
    taken = [column for column in (*keys, *facts, value.name if value else None) if column is not None]
    main = main_code(file, taken, [guess.column for guess in coded])
    if main is not None and main.name in {guess.column for guess in coded}:
        coded.sort(key=lambda guess: guess.column != main.name)
        _coded(proposal, select, file, coded, version)
    elif main is not None:
        _local(proposal, select, file, main, has_value=value is not None)
    elif not _wide(proposal, select, file, free):
        proposal.notes.append(f"{file.name}: it names a person and a time, and no column that looks like a code or a measured number; nothing reads it.")
        return
    head = select.lines
    select.lines = []
    _take_person(proposal, select, file)
    if (visit := meaning.visit_columns.get(file.name)) is not None and meaning.visit is not None:
        select.take(visit, "visit")
    _take_start(proposal, select, file, start)
    for role, alias in (("end", "end"), ("known", "known_time")):
        column = time_of(file, role)
        if column is not None and column is not start:
            _take_time(proposal, select, column, alias)
    select.lines += head
    if not select.parts:
        _take_details(select, file, free, value)
    select.say("'ehr'", "type")
    proposal.selects.append(select)


def _coded(proposal: Proposal, select: Proposed, file: RawFile, coded: list[CodeGuess], version: str | None) -> None:
    """Take the columns whose code system was recognised: several of one system are rows of their own, another system is an alternative."""
    first = coded[0]
    has_value = any("value" in roles_of(name) for name in file.columns)
    domain = first.domain or domain_of(file.name, has_value=has_value)[0]
    same = [guess for guess in coded if guess.system == first.system and re.sub(r"\d+", "", guess.column) == re.sub(r"\d+", "", first.column)]
    for guess in coded:
        proposal.systems[guess.system] = guess.vocabularies
        if guess.other is not None:
            proposal.systems[guess.other.system] = guess.other.vocabularies
    select.what, select.why = "an event with a code", f"{first.column}: {first.why}"
    if len(same) > 1:
        select.what = "one of the codes of a record"
        for guess in same[:_MOST_PARTS]:
            select.parts.append(Part(guess.expression.format(identifier(guess.column)), None))
            select.note(guess.column)
        select.say("r.part.code", "code", f"{len(same)} columns of one kind: a row for each that is filled")
        select.say(f"'{first.system}'", "code_system", first.why)
    elif first.other is not None and version is not None:
        ten, nine, which = first.expression.format(select.named(first.column)), first.other.expression.format(select.named(first.column)), select.named(version)
        select.say(f"CASE WHEN {which} = '9' THEN {nine} ELSE {ten} END", "code", "with the point that the vocabulary's codes have")
        select.say(f"CASE WHEN {which} = '9' THEN '{first.other.system}' ELSE '{first.system}' END", "code_system", first.why)
        select.note(first.column, needed=True)
        select.note(version, needed=True)
    else:
        select.take(first.column, "code", "", form=first.expression, needed=True)
        select.say(f"'{first.system}'", "code_system", first.why)
        if first.expression != "{}":
            select.take(first.column, "source_value", "as it was delivered")
    others = [guess for guess in coded if guess.system != first.system and not is_aside(guess.column)][:2]
    for guess, alias in zip(others, ("alternative", "alternative_2"), strict=False):
        select.take(guess.column, alias, form=guess.expression)
        select.say(f"'{guess.system}'", f"{alias}_system", guess.why)
    _take_display(proposal, select, file, first.column)
    select.say(f"'{domain}'", "domain", "where the concept does not say it")


def _local(proposal: Proposal, select: Proposed, file: RawFile, column: Column, *, has_value: bool) -> None:
    """Take a column of local codes."""
    domain, select.what = domain_of(file.name, has_value=has_value)
    system = f"{proposal.name.upper()}_{snake(column.name).upper()}"
    select.why = f"{column.name} has {column.distinct:,} distinct values on {column.filled:,} records, and no shape of a known code system"
    select.take(column.name, "code", needed=True)
    told = system_of(file)
    if told is None:
        select.say(f"'{system}'", "code_system", "a system of its own: map its codes in source_to_concept_map.csv")
    else:
        select.take(told.name, "code_system", "as each record says; say under code_systems what its names mean", form=f"coalesce({{}}, '{system}')")
    _take_display(proposal, select, file, column.name)
    select.say(f"'{domain}'", "domain", "guessed by the names of file and columns")


def _wide(proposal: Proposal, select: Proposed, file: RawFile, free: list[Column]) -> bool:
    """Take each column of numbers as a measurement of its own; tell whether there are any."""
    numbers = [column for column in free if column.is_number and column.distinct and not {"person", "visit", "provider", "code"} & set(roles_of(column.name))]
    numbers = [column for column in numbers if not column.is_unique or column.kind != "integer"][:_MOST_PARTS]
    if not numbers:
        return False
    select.what, select.why = (
        "one of the numbers of a record",
        f"it has no code, and {len(numbers)} column{'s' if len(numbers) > 1 else ''} of numbers: each is a measurement of its own",
    )
    for column in numbers:
        select.parts.append(Part(f"'{column.name.replace(chr(39), chr(39) * 2)}'", _number(column, identifier(column.name))))
        select.note(column.name)
    select.say("r.part.code", "code", "the name of the column")
    select.say(f"'{proposal.name.upper()}_{snake(file.name).upper()}'", "code_system", "a system of its own: map its codes in source_to_concept_map.csv")
    select.say("'Measurement'", "domain")
    select.say("r.part.value", "value_text")
    select.say("r.part.value", "value_number")
    return True


def _take_display(proposal: Proposal, select: Proposed, file: RawFile, code: str) -> None:
    """Take the words for a code: of the file itself, or of the dictionary that the code names."""
    own = next((column for column in file.columns.values() if "display" in roles_of(column.name) and column.name != code and column.kind == "text"), None)
    if own is not None and not {"value", "unit"} & set(roles_of(own.name)[:1]):
        select.take(own.name, "display")
        return
    named = next((reference for reference in file.references if reference.column == code), None)
    if named is None or named.file in {file.name, *proposal.meaning.person_columns}:
        return
    words = next((column for column in proposal.meaning.file(named.file).columns.values() if "display" in roles_of(column.name)), None)
    if words is not None:
        alias = _joined(proposal, select, named.file, named.key, code, words.name)
        select.say(f"{alias}.{identifier(words.name)}", "display", f"{named.share:.0%} of its values are keys of {named.file}")


def _take_details(select: Proposed, file: RawFile, free: list[Column], value: Column | None) -> None:
    """Take value, unit, range and the like of an event."""
    taken = {*select.needed, *select.read}
    if value is not None and value.name not in taken:
        number = next((column for column in free if "value" in roles_of(column.name) and column.is_number), value)
        select.take(value.name, "value_text")
        select.take(number.name, "value_number", "what is no number there stays text", form=_number(number, "{}"))
        taken |= {value.name, number.name}
    for role in _SINGLE:
        column = next((one for one in free if role in roles_of(one.name)[:1] and one.name not in taken and one.distinct), None)
        if column is None or (role in {"low", "high", "quantity", "days_supply", "refills"} and not column.is_number):
            continue
        select.take(column.name, _ALIASES.get(role, role), form=_number(column, "{}") if column.is_number else "{}")
        taken.add(column.name)
        if role == "route":
            select.say(f"'{snake(file.name).upper()}_ROUTE'", "route_system", "a system of its own")
    provider = _other(file, "provider", taken=taken)
    if provider is not None:
        select.take(provider.name, "provider")


def _number(column: Column, expression: str) -> str:
    """Give a number as plait reads numbers: with a point as its decimal mark."""
    return f"replace(replace({expression}, '.', ''), ',', '.')" if column.kind == "comma" else expression


def _take_person(proposal: Proposal, select: Proposed, file: RawFile) -> None:
    """Take the person: of the record, or of the visit that it names."""
    meaning = proposal.meaning
    column = meaning.person_columns.get(file.name)
    if column is not None:
        named = next((reference for reference in file.references if reference.column == column), None)
        select.take(column, "person", f"{named.share:.0%} of its values are in {named.file}.{named.key}" if named else "by its name", needed=True)
        return
    assert meaning.visit is not None  # noqa: S101 - a file without a person names a visit
    person = meaning.person_columns[meaning.visit[0]]
    alias = _joined(proposal, select, meaning.visit[0], meaning.visit[1], meaning.visit_columns[file.name], person)
    select.say(f"{alias}.{identifier(person)}", "person", "whose visit it is")


def _take_start(proposal: Proposal, select: Proposed, file: RawFile, start: Column | None) -> None:
    """Take the time: of the record, or of the visit that it names."""
    meaning = proposal.meaning
    if start is not None:
        clock = _clock_of(file, start)
        if clock is None:
            _take_time(proposal, select, start, "start", needed=True)
        else:
            select.say(f"{select.named(start.name)} || coalesce(' ' || {select.named(clock)}, '')", "start", "a date and a time of day in two columns")
            select.note(start.name, needed=True)
            select.note(clock)
        return
    assert meaning.visit is not None  # noqa: S101 - else nothing is proposed
    of_visit = time_of(meaning.file(meaning.visit[0]), "start")
    assert of_visit is not None  # noqa: S101 - a file of visits has one
    alias = _joined(proposal, select, meaning.visit[0], meaning.visit[1], meaning.visit_columns[file.name], of_visit.name)
    select.say(f"{alias}.{identifier(of_visit.name)}", "start", "the record has no time of its own: that of its visit, which may be too early")


def _clock_of(file: RawFile, start: Column) -> str | None:
    """Give the column with the time of day of a date that stands beside it."""
    words = snake(start.name).replace("date", "time")
    return next((column.name for column in file.columns.values() if column.kind == "clock" and snake(column.name) in {words, "time"}), None)


def _take_time(proposal: Proposal, select: Proposed, column: Column, alias: str, *, needed: bool = False) -> None:
    """Take a time; one that is read here: where days and months stand the other way round than in most files, or midnight stands for a day."""
    century = "; years have two digits: 69 to 99 are read as 1969 to 1999, 00 to 68 as 2000 to 2068" if any("%y" in form for form in column.formats) else ""
    form, why = "{0}", f"{column.other:,} of {column.sampled:,} distinct values are no time" if column.other else ""
    if column.order not in {"", "either", proposal.order}:
        form, why = _as_iso(column.formats), f"here {'months' if column.order == 'month' else 'days'} come first, unlike in other files"
    if column.midnight:
        clocked = ", ".join(f"'{one}'" for one in column.formats if form == "{0}" and ("%H" in one or "%I" in one))
        form = f"plait_day({form}, [{clocked}])" if clocked else f"plait_day({form})"
        why += "; its times are all midnight: they stand for days, which are known at their end"
    select.take(column.name, alias, f"{why}{century}".removeprefix("; "), form=form, needed=needed)


def _as_iso(formats: Sequence[str]) -> str:
    """Give the expression that writes a time of some formats as ISO 8601 has it; a date alone stays one, for it is known at the end of its day."""
    read = []
    for has_clock, form in ((False, "%Y-%m-%d"), (True, "%Y-%m-%d %H:%M:%S.%f")):
        those = ", ".join(f"'{one}'" for one in formats if one and ("%H" in one or "%I" in one) == has_clock)
        read += [f"strftime(try_strptime({{0}}, [{those}]), '{form}')"] if those else []
    return f"coalesce({', '.join([*read, '{0}'])})"


def _joined(proposal: Proposal, select: Proposed, file: str, key: str, column: str, *columns: str) -> str:
    """Give the alias of a look-up of the SELECT, joined once."""
    proposal.meaning.lookups.add(file)
    join = next((one for one in select.joins if (one.file, one.column) == (file, column)), None)
    if join is None:
        join = Join(f"l{len(select.joins) + 1}", file, key, column)
        select.joins.append(join)
        select.note(column, needed=True)
    join.columns += [name for name in columns if name not in join.columns]
    return join.alias


def _other(file: RawFile, role: str, *, taken: set[str]) -> Column | None:
    return next((column for column in file.columns.values() if role in roles_of(column.name) and column.name not in taken and column.distinct), None)


def _as_key(file: RawFile, column: str) -> str:
    return f"{column} is different in all of its records" if file.columns[column].is_unique else f"{column} names persons"


def _asked(proposal: Proposal, file: str, key: str) -> bool:
    return any((one.file, one.key) == (file, key) for other in proposal.meaning.profile.files for one in other.references)
