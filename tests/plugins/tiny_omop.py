"""A small CDM in files, with a row or two in every table: made-up patients, ids of all sizes."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

import plait
from plait.demo.vocabulary import write_vocabulary
from plait.duck import connect, literal, quoted
from plait.schema import VOCABULARY_TABLES, cdm_tables
from shell import Result, command

if TYPE_CHECKING:
    from pathlib import Path

Tables = dict[str, str]

LOWEST = -9223372036854775808
"""The lowest id that there can be."""

CDM: Tables = {
    "location": """\
location_id,address_1,city,state,zip,location_source_value,country_concept_id,country_source_value,latitude,longitude
7,1 Nowhere Road,Nowhere,NW,00000,somewhere,4330435,UK,51.5,-0.1
""",
    "care_site": """\
care_site_id,care_site_name,place_of_service_concept_id,location_id,care_site_source_value,place_of_service_source_value
70,Ward 7,8717,7,W7,ward
""",
    "provider": """\
provider_id,provider_name,npi,specialty_concept_id,care_site_id,year_of_birth,gender_concept_id,provider_source_value,specialty_source_value
-700,Dr Who,1234567893,38004446,70,1963,8507,who,GP
""",
    "person": """\
person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth,birth_datetime,race_concept_id,ethnicity_concept_id,\
location_id,provider_id,care_site_id,person_source_value,gender_source_value,gender_source_concept_id,race_source_value
-9223372036854775808,8532,1950,3,1,,8527,38003564,7,-700,70,MRN-1,F,0,white
12,8507,1961,,,,0,0,,,,MRN-2,M,0,
""",
    "observation_period": """\
observation_period_id,person_id,observation_period_start_date,observation_period_end_date,period_type_concept_id
1,-9223372036854775808,2019-01-01,2022-12-31,32882
2,12,2020-01-01,2020-12-31,32882
""",
    "visit_occurrence": """\
visit_occurrence_id,person_id,visit_concept_id,visit_start_date,visit_start_datetime,visit_end_date,visit_end_datetime,visit_type_concept_id,\
provider_id,care_site_id,visit_source_value,visit_source_concept_id,admitted_from_concept_id,admitted_from_source_value,discharged_to_concept_id,\
discharged_to_source_value,preceding_visit_occurrence_id
9000000000000000001,-9223372036854775808,9201,2020-01-10,2020-01-10 08:30:00,2020-01-12,2020-01-12 11:00:00,32827,-700,70,IP,0,0,HOME,8863,SNF,
9000000000000000002,-9223372036854775808,9202,2020-02-01,2020-02-01 00:00:00,2020-02-01,2020-02-01 00:00:00,32827,,,OP,0,,,,,9000000000000000001
5,12,9202,2020-03-01,,2020-03-01,,32827,,,OP,0,,,,,
""",
    "visit_detail": """\
visit_detail_id,person_id,visit_detail_concept_id,visit_detail_start_date,visit_detail_end_date,visit_detail_type_concept_id,\
parent_visit_detail_id,visit_occurrence_id
31,-9223372036854775808,9201,2020-01-10,2020-01-11,32827,,9000000000000000001
32,-9223372036854775808,9201,2020-01-11,2020-01-12,32827,31,9000000000000000001
""",
    "condition_occurrence": """\
condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_start_datetime,condition_end_date,condition_type_concept_id,\
condition_status_concept_id,stop_reason,provider_id,visit_occurrence_id,visit_detail_id,condition_source_value,condition_source_concept_id,\
condition_status_source_value
-5,-9223372036854775808,201826,2020-01-10,2020-01-10 09:00:00,,32827,32902,,-700,9000000000000000001,31,44054006,201826,primary
-4,-9223372036854775808,317009,2020-02-01,,2020-02-20,32827,,resolved,,9000000000000000002,,195967001,317009,
17,12,254761,2020-03-01,,,32827,,,,5,,49727002,254761,
""",
    "drug_exposure": """\
drug_exposure_id,person_id,drug_concept_id,drug_exposure_start_date,drug_exposure_end_date,verbatim_end_date,drug_type_concept_id,stop_reason,refills,\
quantity,days_supply,sig,route_concept_id,lot_number,visit_occurrence_id,drug_source_value,drug_source_concept_id,route_source_value,dose_unit_source_value
41,-9223372036854775808,1503297,2020-01-10,2020-02-08,2020-02-08,32838,,2,30.5,30,"one, twice a day",4132161,LOT-1,9000000000000000001,6809,1503297,PO,mg
""",
    "procedure_occurrence": """\
procedure_occurrence_id,person_id,procedure_concept_id,procedure_date,procedure_end_date,procedure_type_concept_id,modifier_concept_id,quantity,\
visit_occurrence_id,procedure_source_value,procedure_source_concept_id,modifier_source_value
51,-9223372036854775808,4163872,2020-01-10,2020-01-11,32827,0,2,9000000000000000001,399208008,4163872,left
""",
    "device_exposure": """\
device_exposure_id,person_id,device_concept_id,device_exposure_start_date,device_type_concept_id,unique_device_id,production_id,quantity,\
device_source_value,device_source_concept_id,unit_concept_id,unit_source_value,unit_source_concept_id
61,12,0,2020-03-01,32827,UDI-1,PROD-1,1,unknown device,0,8529,{each},0
""",
    "measurement": """\
measurement_id,person_id,measurement_concept_id,measurement_date,measurement_datetime,measurement_time,measurement_type_concept_id,operator_concept_id,\
value_as_number,value_as_concept_id,unit_concept_id,range_low,range_high,visit_occurrence_id,measurement_source_value,measurement_source_concept_id,\
unit_source_value,unit_source_concept_id,value_source_value,measurement_event_id,meas_event_field_concept_id
71,-9223372036854775808,3036277,2020-01-10,2020-01-10 10:06:44,10:06:44,32827,4172703,165.25,,8582,150,200,9000000000000000001,8302-2,3036277,cm,8582,\
165.25,-5,1147127
""",
    "observation": """\
observation_id,person_id,observation_concept_id,observation_date,observation_type_concept_id,value_as_string,qualifier_concept_id,\
visit_occurrence_id,observation_source_value,observation_source_concept_id,qualifier_source_value,value_source_value,observation_event_id,obs_event_field_concept_id
81,12,0,2020-03-01,32827,a lot,0,5,SMOKES,0,often,a lot,17,1147127
""",
    "death": """\
person_id,death_date,death_datetime,death_type_concept_id,cause_concept_id,cause_source_value,cause_source_concept_id
-9223372036854775808,2022-12-31,2022-12-31 04:05:06,32827,317009,195967001,317009
""",
    "note": """\
note_id,person_id,note_date,note_datetime,note_type_concept_id,note_class_concept_id,note_title,note_text,encoding_concept_id,language_concept_id,\
visit_occurrence_id,note_source_value,note_event_id,note_event_field_concept_id
91,12,2020-03-01,2020-03-01 12:00:00,32831,0,Title,"A cough,
and a ""quote"".",32678,4180186,5,11506-3,17,1147127
""",
    "note_nlp": """\
note_nlp_id,note_id,section_concept_id,snippet,offset,lexical_variant,note_nlp_concept_id,note_nlp_source_concept_id,nlp_system,nlp_date,term_exists,\
term_temporal,term_modifiers
101,91,0,A cough,2,cough,254761,254761,rules 1,2021-01-01,Y,Present,certain=yes
""",
    "specimen": """\
specimen_id,person_id,specimen_concept_id,specimen_type_concept_id,specimen_date,quantity,unit_concept_id,anatomic_site_concept_id,disease_status_concept_id,\
specimen_source_id,specimen_source_value,unit_source_value,anatomic_site_source_value,disease_status_source_value
111,-9223372036854775808,0,32827,2020-01-11,2.5,8587,0,0,S-1,blood,mL,arm,normal
""",
    "fact_relationship": """\
domain_concept_id_1,fact_id_1,domain_concept_id_2,fact_id_2,relationship_concept_id
19,-5,21,71,581410
56,12,19,17,44818790
""",
    "payer_plan_period": """\
payer_plan_period_id,person_id,payer_plan_period_start_date,payer_plan_period_end_date,payer_concept_id,payer_source_value,plan_source_value,family_source_value
121,-9223372036854775808,2020-01-01,2020-12-31,0,Insurer,Gold,F-1
""",
    "cost": """\
cost_id,cost_event_id,cost_domain_id,cost_type_concept_id,currency_concept_id,total_charge,total_cost,total_paid,paid_by_payer,payer_plan_period_id,amount_allowed
131,41,Drug,32814,44818668,12.5,10,12.5,12,121,12.5
132,9000000000000000001,Visit,32814,44818668,100,,,,,
133,0,Visit,32814,44818668,5,,,,121,
""",
    "condition_era": """\
condition_era_id,person_id,condition_concept_id,condition_era_start_date,condition_era_end_date,condition_occurrence_count
141,-9223372036854775808,201826,2020-01-10,2020-01-11,1
142,-9223372036854775808,317009,2020-02-01,2020-02-20,7
143,12,254761,2020-03-01,2020-03-02,1
""",
    "drug_era": """\
drug_era_id,person_id,drug_concept_id,drug_era_start_date,drug_era_end_date,drug_exposure_count,gap_days
151,-9223372036854775808,1503297,2020-01-10,2020-02-08,9,3
""",
    "dose_era": """\
dose_era_id,person_id,drug_concept_id,unit_concept_id,dose_value,dose_era_start_date,dose_era_end_date
161,-9223372036854775808,1503297,8576,1000.5,2020-01-10,2020-02-08
""",
    "episode": """\
episode_id,person_id,episode_concept_id,episode_start_date,episode_end_date,episode_parent_id,episode_number,episode_object_concept_id,\
episode_type_concept_id,episode_source_value,episode_source_concept_id
171,-9223372036854775808,32533,2020-01-10,2020-12-31,,1,201826,32827,first,0
172,-9223372036854775808,32531,2020-01-10,2020-02-08,171,1,0,32827,line 1,0
""",
    "episode_event": """\
episode_id,event_id,episode_event_field_concept_id
171,-5,1147127
172,41,1147094
""",
    "cohort_definition": """\
cohort_definition_id,cohort_definition_name,cohort_definition_description,definition_type_concept_id,cohort_definition_syntax,subject_concept_id
1791,coughs,all who cough,0,,56
""",
    "cohort": """\
cohort_definition_id,subject_id,cohort_start_date,cohort_end_date
1791,12,2020-03-01,2020-12-31
""",
    "cdm_source": """\
cdm_source_name,cdm_source_abbreviation,cdm_holder,source_release_date,cdm_release_date,cdm_version,cdm_version_concept_id,vocabulary_version
Tiny,tiny,nobody,2023-01-01,2023-01-01,5.4,756265,v5.0
""",
}
"""Tables in as few columns as it takes, which may be in any order in a CDM. Nobody in them exists."""

SECRETS = ("MRN-", "Dr Who", "Nowhere", 'a "quote"', "1950")
"""What must not stand in a message."""


@dataclass
class Legacy:
    """A study whose one source is a CDM; `options` are the source's."""

    path: Path
    tables: Tables = field(default_factory=lambda: dict(CDM))
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def cdm(self) -> Path:
        return self.path / "cdm"

    def write(self, *, suffix: str = "csv", **settings: Any) -> Legacy:  # noqa: ANN401 - keys of plait.yaml
        """Write the tables and the settings; an option `path` names another CDM."""
        self.cdm.mkdir(parents=True, exist_ok=True)
        for stem, text in self.tables.items():
            (self.cdm / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
        if not (self.path / "athena").is_dir():
            write_vocabulary(self.path / "athena")
        source = {"name": "legacy", "kind": "omop", "path": "cdm"} | self.options
        said = {"study": "adopted", "vocabulary": "athena", "sources": [source]} | settings
        (self.path / "plait.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
        return self

    def plait(self, *arguments: str) -> Result:
        """Run a command on the study as a shell would, in this process."""
        return command(*arguments, "-s", str(self.path))

    def run(self) -> Legacy:
        """Run the ETL."""
        done = self.plait("etl", "run", "-q")
        assert done.code == 0, done.err
        return self

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Give the rows of a query on the study."""
        return plait.open(self.path).connect().execute(query).fetchall()

    def ledger(self) -> dict[str, tuple[int, ...]]:
        """Give (read, loaded, merged, rejected, ignored) by file."""
        return {row[0]: row[1:] for row in self.rows("SELECT file, read, loaded, merged, rejected, ignored FROM plait.ledger ORDER BY run_id")}

    def reasons(self) -> dict[tuple[str, str, str], int]:
        """Give how many records had which fate for which reason, by (file, fate, reason)."""
        query = "SELECT file, fate, reason, records FROM plait.ledger_reasons WHERE run_id = (SELECT max(run_id) FROM plait.runs)"
        return {row[:3]: row[3] for row in self.rows(query)}

    def notices(self) -> dict[tuple[str, str | None], int]:
        """Give how many rows were noticed, by (kind, detail)."""
        return {row[:2]: row[2] for row in self.rows("SELECT kind, detail, records FROM plait.notices WHERE run_id = (SELECT max(run_id) FROM plait.runs)")}

    def export(self, folder: Path) -> Path:
        """Write the CDM of the study as Parquet files, one a table."""
        return export(self.path, folder)


def export(study: Path, folder: Path, suffix: str = "parquet") -> Path:
    """Write the CDM of a study to files, one a table, by DuckDB and `study.duckdb` alone, as somebody would who has no plait."""
    folder.mkdir(parents=True)
    with connect(threads=2) as con:
        con.execute(f"ATTACH {literal(study / 'warehouse' / 'study.duckdb')} AS study (READ_ONLY)")
        for table in cdm_tables():
            con.execute(
                f"COPY (FROM study.cdm.{quoted(table)}) TO {literal(folder / f'{table}.{suffix}')} ({'HEADER, ' if suffix == 'csv' else ''}FORMAT {suffix})"
            )
    return folder


OF_THE_STUDY = frozenset({"cdm_source", "metadata", *VOCABULARY_TABLES})
"""Tables that tell of the study and its vocabulary, not of its patients."""


def differences(one: Path, other: Path) -> dict[str, tuple[int, int]]:
    """Give (rows that only the first has, rows that only the second has) of each table of the CDM in which two studies differ."""
    found = {}
    with connect(threads=2) as con:
        for name, study in (("one", one), ("other", other)):
            con.execute(f"ATTACH {literal(study / 'warehouse' / 'study.duckdb')} AS {name} (READ_ONLY)")
        for table in sorted(cdm_tables().keys() - OF_THE_STUDY):
            less = [f"FROM {a}.cdm.{quoted(table)} EXCEPT ALL FROM {b}.cdm.{quoted(table)}" for a, b in (("one", "other"), ("other", "one"))]
            pair = (len(con.execute(less[0]).fetchall()), len(con.execute(less[1]).fetchall()))
            if any(pair):
                found[table] = pair
    return found


def delivered(text: str) -> list[dict[str, str]]:
    """Give the rows of a table as they were delivered."""
    return list(csv.DictReader(io.StringIO(text)))
