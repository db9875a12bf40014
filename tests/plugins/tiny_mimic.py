"""A small folder with exactly the layout of MIMIC-IV's CSV files: four made-up patients, every file of hosp, icu and note.

Headers are those of MIT-LCP's build scripts for MIMIC-IV 2.2 and 3.1 and MIMIC-IV-Note 2.2 (mimic-code, buildmimic/postgres/create.sql). What stands
below them is invented: no value is MIMIC's.
"""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEADERS = {
    "hosp/admissions": "subject_id,hadm_id,admittime,dischtime,deathtime,admission_type,admit_provider_id,admission_location,discharge_location,insurance,"
    "language,marital_status,race,edregtime,edouttime,hospital_expire_flag",
    "hosp/d_hcpcs": "code,category,long_description,short_description",
    "hosp/d_icd_diagnoses": "icd_code,icd_version,long_title",
    "hosp/d_icd_procedures": "icd_code,icd_version,long_title",
    "hosp/d_labitems": "itemid,label,fluid,category",
    "hosp/diagnoses_icd": "subject_id,hadm_id,seq_num,icd_code,icd_version",
    "hosp/drgcodes": "subject_id,hadm_id,drg_type,drg_code,description,drg_severity,drg_mortality",
    "hosp/emar": "subject_id,hadm_id,emar_id,emar_seq,poe_id,pharmacy_id,enter_provider_id,charttime,medication,event_txt,scheduletime,storetime",
    "hosp/emar_detail": "subject_id,emar_id,emar_seq,parent_field_ordinal,administration_type,pharmacy_id,barcode_type,reason_for_no_barcode,"
    "complete_dose_not_given,dose_due,dose_due_unit,dose_given,dose_given_unit,will_remainder_of_dose_be_given,product_amount_given,product_unit,"
    "product_code,product_description,product_description_other,prior_infusion_rate,infusion_rate,infusion_rate_adjustment,"
    "infusion_rate_adjustment_amount,infusion_rate_unit,route,infusion_complete,completion_interval,new_iv_bag_hung,"
    "continued_infusion_in_other_location,restart_interval,side,site,non_formulary_visual_verification",
    "hosp/hcpcsevents": "subject_id,hadm_id,chartdate,hcpcs_cd,seq_num,short_description",
    "hosp/labevents": "labevent_id,subject_id,hadm_id,specimen_id,itemid,order_provider_id,charttime,storetime,value,valuenum,valueuom,ref_range_lower,"
    "ref_range_upper,flag,priority,comments",
    "hosp/microbiologyevents": "microevent_id,subject_id,hadm_id,micro_specimen_id,order_provider_id,chartdate,charttime,spec_itemid,spec_type_desc,"
    "test_seq,storedate,storetime,test_itemid,test_name,org_itemid,org_name,isolate_num,quantity,ab_itemid,ab_name,dilution_text,"
    "dilution_comparison,dilution_value,interpretation,comments",
    "hosp/omr": "subject_id,chartdate,seq_num,result_name,result_value",
    "hosp/patients": "subject_id,gender,anchor_age,anchor_year,anchor_year_group,dod",
    "hosp/pharmacy": "subject_id,hadm_id,pharmacy_id,poe_id,starttime,stoptime,medication,proc_type,status,entertime,verifiedtime,route,frequency,"
    "disp_sched,infusion_type,sliding_scale,lockout_interval,basal_rate,one_hr_max,doses_per_24_hrs,duration,duration_interval,"
    "expiration_value,expiration_unit,expirationdate,dispensation,fill_quantity",
    "hosp/poe": "poe_id,poe_seq,subject_id,hadm_id,ordertime,order_type,order_subtype,transaction_type,discontinue_of_poe_id,discontinued_by_poe_id,"
    "order_provider_id,order_status",
    "hosp/poe_detail": "poe_id,poe_seq,subject_id,field_name,field_value",
    "hosp/prescriptions": "subject_id,hadm_id,pharmacy_id,poe_id,poe_seq,order_provider_id,starttime,stoptime,drug_type,drug,formulary_drug_cd,gsn,ndc,"
    "prod_strength,form_rx,dose_val_rx,dose_unit_rx,form_val_disp,form_unit_disp,doses_per_24_hrs,route",
    "hosp/procedures_icd": "subject_id,hadm_id,seq_num,chartdate,icd_code,icd_version",
    "hosp/provider": "provider_id",
    "hosp/services": "subject_id,hadm_id,transfertime,prev_service,curr_service",
    "hosp/transfers": "subject_id,hadm_id,transfer_id,eventtype,careunit,intime,outtime",
    "icu/caregiver": "caregiver_id",
    "icu/chartevents": "subject_id,hadm_id,stay_id,caregiver_id,charttime,storetime,itemid,value,valuenum,valueuom,warning",
    "icu/d_items": "itemid,label,abbreviation,linksto,category,unitname,param_type,lownormalvalue,highnormalvalue",
    "icu/datetimeevents": "subject_id,hadm_id,stay_id,caregiver_id,charttime,storetime,itemid,value,valueuom,warning",
    "icu/icustays": "subject_id,hadm_id,stay_id,first_careunit,last_careunit,intime,outtime,los",
    "icu/ingredientevents": "subject_id,hadm_id,stay_id,caregiver_id,starttime,endtime,storetime,itemid,amount,amountuom,rate,rateuom,orderid,linkorderid,"
    "statusdescription,originalamount,originalrate",
    "icu/inputevents": "subject_id,hadm_id,stay_id,caregiver_id,starttime,endtime,storetime,itemid,amount,amountuom,rate,rateuom,orderid,linkorderid,"
    "ordercategoryname,secondaryordercategoryname,ordercomponenttypedescription,ordercategorydescription,patientweight,totalamount,"
    "totalamountuom,isopenbag,continueinnextdept,statusdescription,originalamount,originalrate",
    "icu/outputevents": "subject_id,hadm_id,stay_id,caregiver_id,charttime,storetime,itemid,value,valueuom",
    "icu/procedureevents": "subject_id,hadm_id,stay_id,caregiver_id,starttime,endtime,storetime,itemid,value,valueuom,location,locationcategory,orderid,"
    "linkorderid,ordercategoryname,ordercategorydescription,patientweight,isopenbag,continueinnextdept,statusdescription,originalamount,"
    "originalrate",
    "note/discharge": "note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text",
    "note/discharge_detail": "note_id,subject_id,field_name,field_value,field_ordinal",
    "note/radiology": "note_id,subject_id,hadm_id,note_type,note_seq,charttime,storetime,text",
    "note/radiology_detail": "note_id,subject_id,field_name,field_value,field_ordinal",
}
"""The columns of each file, in order."""

_WARD, _ICU = "Ward of Nowhere", "Intensive Care of Nowhere"

RECORDS: dict[str, list[dict[str, object]]] = {
    "hosp/patients": [
        {"subject_id": 1, "gender": "F", "anchor_age": 60, "anchor_year": 2150, "anchor_year_group": "2011 - 2013"},
        {"subject_id": 2, "gender": "M", "anchor_age": 91, "anchor_year": 2160, "anchor_year_group": "2014 - 2016", "dod": "2161-03-05"},
        {"subject_id": 3, "gender": "F", "anchor_age": 33, "anchor_year": 2140, "anchor_year_group": "2017 - 2019", "dod": "2141-02-01"},
        {"subject_id": 4, "gender": "M", "anchor_age": 45, "anchor_year": 2130, "anchor_year_group": "2008 - 2010"},
    ],
    "hosp/admissions": [
        {"subject_id": 1, "hadm_id": 101, "admittime": "2151-05-02 10:00:00", "dischtime": "2151-05-09 15:30:00", "admission_type": "EW EMER."}
        | {"admit_provider_id": "P001", "admission_location": "EMERGENCY ROOM", "discharge_location": "HOME", "race": "UNKNOWN", "hospital_expire_flag": 0}
        | {"edregtime": "2151-05-02 06:00:00", "edouttime": "2151-05-02 11:00:00", "language": "English", "insurance": "Medicare"},
        {"subject_id": 1, "hadm_id": 102, "admittime": "2152-01-10 07:15:00", "dischtime": "2152-01-12 12:00:00", "admission_type": "ELECTIVE"}
        | {"admission_location": "PHYSICIAN REFERRAL", "discharge_location": "REHAB", "race": "ASIAN - CHINESE", "hospital_expire_flag": 0},
        {"subject_id": 2, "hadm_id": 103, "admittime": "2161-03-01 22:00:00", "dischtime": "2161-03-05 04:10:00", "deathtime": "2161-03-05 04:05:00"}
        | {"admission_type": "URGENT", "admission_location": "TRANSFER FROM HOSPITAL", "discharge_location": "DIED", "race": "HISPANIC OR LATINO"}
        | {"hospital_expire_flag": 1},
        {"subject_id": 3, "hadm_id": 104, "admittime": "2140-08-01 09:00:00", "dischtime": "2140-08-02 09:00:00", "admission_type": "EU OBSERVATION"}
        | {"race": "WHITE", "hospital_expire_flag": 0},
    ],
    "hosp/transfers": [
        {"subject_id": 1, "hadm_id": 101, "transfer_id": 201, "eventtype": "ED", "careunit": "Emergency of Nowhere", "intime": "2151-05-02 06:00:00"}
        | {"outtime": "2151-05-02 11:00:00"},
        {"subject_id": 1, "hadm_id": 101, "transfer_id": 202, "eventtype": "admit", "careunit": _ICU, "intime": "2151-05-02 11:00:00"}
        | {"outtime": "2151-05-05 12:00:00"},
        {"subject_id": 1, "hadm_id": 101, "transfer_id": 203, "eventtype": "transfer", "careunit": _WARD, "intime": "2151-05-05 12:00:00"}
        | {"outtime": "2151-05-09 15:30:00"},
        {"subject_id": 1, "hadm_id": 101, "transfer_id": 204, "eventtype": "discharge", "intime": "2151-05-09 15:30:00"},
        {"subject_id": 4, "transfer_id": 205, "eventtype": "ED", "careunit": "Emergency of Nowhere", "intime": "2130-02-03 01:00:00"}
        | {"outtime": "2130-02-03 05:00:00"},
    ],
    "hosp/services": [
        {"subject_id": 1, "hadm_id": 101, "transfertime": "2151-05-02 10:00:00", "curr_service": "MED"},
        {"subject_id": 1, "hadm_id": 101, "transfertime": "2151-05-05 12:00:00", "prev_service": "MED", "curr_service": "CSURG"},
    ],
    "hosp/provider": [{"provider_id": "P001"}, {"provider_id": "P002"}],
    "hosp/d_icd_diagnoses": [
        {"icd_code": "25000", "icd_version": 9, "long_title": "Diabetes mellitus"},
        {"icd_code": "E119", "icd_version": 10, "long_title": "Type 2 diabetes mellitus without complications"},
    ],
    "hosp/diagnoses_icd": [
        {"subject_id": 1, "hadm_id": 101, "seq_num": 1, "icd_code": "E119", "icd_version": 10},
        {"subject_id": 1, "hadm_id": 101, "seq_num": 2, "icd_code": "E8859  ", "icd_version": 9},
        {"subject_id": 2, "hadm_id": 103, "seq_num": 1, "icd_code": "25000", "icd_version": 9},
        {"subject_id": 2, "hadm_id": 103, "seq_num": 2, "icd_code": "I10", "icd_version": 10},
    ],
    "hosp/d_icd_procedures": [{"icd_code": "3961", "icd_version": 9, "long_title": "Extracorporeal circulation"}],
    "hosp/procedures_icd": [
        {"subject_id": 1, "hadm_id": 101, "seq_num": 1, "chartdate": "2151-05-04", "icd_code": "3961", "icd_version": 9},
        {"subject_id": 1, "hadm_id": 102, "seq_num": 1, "chartdate": "2152-01-10", "icd_code": "0SR904A", "icd_version": 10},
    ],
    "hosp/d_hcpcs": [{"code": "99291", "short_description": "Critical care"}],
    "hosp/hcpcsevents": [{"subject_id": 1, "hadm_id": 101, "chartdate": "2151-05-03", "hcpcs_cd": "99291", "seq_num": 1, "short_description": "Critical care"}],
    "hosp/drgcodes": [
        {"subject_id": 1, "hadm_id": 101, "drg_type": "APR", "drg_code": "163", "description": "Heart valve", "drg_severity": 3, "drg_mortality": 2}
    ],
    "hosp/d_labitems": [
        {"itemid": 50912, "label": "Creatinine", "fluid": "Blood", "category": "Chemistry"},
        {"itemid": 50971, "label": "Potassium", "fluid": "Blood", "category": "Chemistry"},
        {"itemid": 51006, "label": "Urea Nitrogen", "fluid": "Blood", "category": "Chemistry"},
    ],
    "hosp/labevents": [
        {"labevent_id": 1, "subject_id": 1, "hadm_id": 101, "specimen_id": 9, "itemid": 50912, "order_provider_id": "P002", "charttime": "2151-05-02 12:00:00"}
        | {"storetime": "2151-05-02 13:40:00", "value": "1.1", "valuenum": 1.1, "valueuom": "mg/dL", "ref_range_lower": 0.4, "ref_range_upper": 1.1},
        {"labevent_id": 2, "subject_id": 1, "specimen_id": 10, "itemid": 50971, "charttime": "2151-06-01 09:00:00", "storetime": "2151-06-01 10:00:00"}
        | {"value": "<2.5", "valuenum": 2.5, "valueuom": "mEq/L", "ref_range_lower": 3.3, "ref_range_upper": 5.1, "flag": "abnormal"},
        {"labevent_id": 3, "subject_id": 2, "hadm_id": 103, "specimen_id": 11, "itemid": 51006, "charttime": "2161-03-02 05:00:00"}
        | {"storetime": "2161-03-02 06:00:00", "value": "___", "comments": "HAEMOLYSED"},
        {"labevent_id": 4, "subject_id": 99, "specimen_id": 12, "itemid": 50912, "charttime": "2161-03-02 05:00:00", "value": "1", "valuenum": 1},
    ],
    "hosp/microbiologyevents": [
        {"microevent_id": 1, "subject_id": 1, "hadm_id": 101, "micro_specimen_id": 50, "chartdate": "2151-05-03 00:00:00", "charttime": "2151-05-03 08:00:00"}
        | {"spec_itemid": 70012, "spec_type_desc": "BLOOD CULTURE", "test_seq": 1, "storedate": "2151-05-06 00:00:00", "storetime": "2151-05-06 11:00:00"}
        | {"test_itemid": 90201, "test_name": "Blood Culture, Routine", "org_itemid": 80023, "org_name": "STAPH AUREUS COAG +", "isolate_num": 1}
        | {"ab_itemid": ab, "ab_name": name, "dilution_text": text, "dilution_comparison": sign, "dilution_value": number, "interpretation": meaning}
        for ab, name, text, sign, number, meaning in (
            (90015, "VANCOMYCIN", "<=0.5", "<=        ", 0.5, "S"),
            (90025, "LEVOFLOXACIN", "=>8", "=>        ", 8, "R"),
        )
    ]
    + [
        {"microevent_id": 3, "subject_id": 2, "micro_specimen_id": 51, "chartdate": "2161-03-02 00:00:00", "spec_itemid": 70079, "spec_type_desc": "URINE"}
        | {"test_seq": 1, "storedate": "2161-03-03 00:00:00", "test_itemid": 90039, "test_name": "URINE CULTURE", "comments": "NO GROWTH."}
    ],
    "hosp/omr": [
        {"subject_id": 1, "chartdate": "2151-01-15", "seq_num": 1, "result_name": "Blood Pressure", "result_value": "132/84"},
        {"subject_id": 1, "chartdate": "2151-01-15", "seq_num": 1, "result_name": "Weight (Lbs)", "result_value": "151.5"},
    ],
    "hosp/prescriptions": [
        {"subject_id": 1, "hadm_id": 101, "pharmacy_id": 301, "starttime": "2151-05-02 14:00:00", "stoptime": "2151-05-04 14:00:00", "drug_type": "MAIN"}
        | {"drug": "Metformin", "ndc": "00087606005", "prod_strength": "500 mg Tablet", "dose_val_rx": "500", "dose_unit_rx": "mg", "form_val_disp": "1"}
        | {"route": "PO"},
        {"subject_id": 1, "hadm_id": 101, "pharmacy_id": 302, "starttime": "2151-05-03 14:00:00", "stoptime": "2151-05-03 02:00:00", "drug_type": "BASE"}
        | {"drug": "0.9% Sodium Chloride", "ndc": "0", "form_val_disp": "1,000", "route": "IV"},
        {"subject_id": 2, "hadm_id": 103, "pharmacy_id": 303, "drug_type": "MAIN", "drug": "Aspirin", "ndc": "0", "route": "PO"},
    ],
    "hosp/pharmacy": [
        {"subject_id": 1, "hadm_id": 101, "pharmacy_id": 301, "starttime": "2151-05-02 14:00:00", "medication": "Metformin", "proc_type": "Unit Dose"}
        | {"status": "Discontinued via patient discharge", "entertime": "2151-05-02 14:20:00", "frequency": "BID"},
    ],
    "hosp/poe": [{"poe_id": "1-1", "poe_seq": 1, "subject_id": 1, "hadm_id": 101, "ordertime": "2151-05-02 13:00:00", "order_type": "Medications"}],
    "hosp/poe_detail": [{"poe_id": "1-1", "poe_seq": 1, "subject_id": 1, "field_name": "Admit to", "field_value": "Ward"}],
    "hosp/emar": [
        {"subject_id": 1, "hadm_id": 101, "emar_id": f"1-{number}", "emar_seq": number, "poe_id": "1-1", "charttime": f"2151-05-03 0{number}:00:00"}
        | {"medication": "Metformin", "event_txt": text, "storetime": f"2151-05-03 0{number}:07:00", "enter_provider_id": "P002"}
        for number, text in enumerate(("Administered", "Not Given", "Hold Dose", "Administered in Other Location"), 1)
    ],
    "hosp/emar_detail": [{"subject_id": 1, "emar_id": "1-1", "emar_seq": 1, "dose_given": "500", "dose_given_unit": "mg"}],
    "icu/caregiver": [{"caregiver_id": 7}],
    "icu/icustays": [
        {"subject_id": 1, "hadm_id": 101, "stay_id": 202, "first_careunit": _ICU, "last_careunit": _ICU, "intime": "2151-05-02 11:00:00"}
        | {"outtime": "2151-05-05 12:00:00", "los": 3.04},
    ],
    "icu/d_items": [
        {"itemid": 220045, "label": "Heart Rate", "abbreviation": "HR", "linksto": "chartevents", "category": "Routine", "unitname": "bpm"}
        | {"param_type": "Numeric"},
        {"itemid": 223761, "label": "Temperature Fahrenheit", "abbreviation": "T", "linksto": "chartevents", "category": "Routine", "unitname": "F"}
        | {"param_type": "Numeric", "lownormalvalue": 97, "highnormalvalue": 99},
        {"itemid": 224080, "label": "Turn", "abbreviation": "Turn", "linksto": "chartevents", "category": "Treatments", "param_type": "Text"},
        {"itemid": 224183, "label": "Last dialysis", "abbreviation": "LD", "linksto": "datetimeevents", "category": "Dialysis", "param_type": "Date and time"},
        {"itemid": 221906, "label": "Norepinephrine", "abbreviation": "NE", "linksto": "inputevents", "category": "Medications", "param_type": "Solution"},
        {"itemid": 226559, "label": "Foley", "abbreviation": "Foley", "linksto": "outputevents", "category": "Output", "param_type": "Numeric"},
        {
            "itemid": 225792,
            "label": "Invasive Ventilation",
            "abbreviation": "V",
            "linksto": "procedureevents",
            "category": "Ventilation",
            "param_type": "Process",
        },
    ],
    "icu/chartevents": [
        {"itemid": 220045, "value": "88", "valuenum": 88, "valueuom": "bpm", "warning": 0},
        {"itemid": 223761, "value": "98.6", "valuenum": 98.6, "valueuom": "°F", "warning": 0},
        {"itemid": 224080, "value": "Left side"},
    ],
    "icu/datetimeevents": [{"itemid": 224183, "value": "2151-04-30 00:00:00", "valueuom": "Date"}],
    "icu/inputevents": [
        {"itemid": 221906, "amount": 4.5, "amountuom": "mg", "rate": 0.1, "rateuom": "mcg/kg/min", "statusdescription": "FinishedRunning", "orderid": 1},
        {"itemid": 221906, "amount": 1, "amountuom": "mg", "statusdescription": "Rewritten", "orderid": 2},
    ],
    "icu/ingredientevents": [{"itemid": 220490, "amount": 100, "amountuom": "ml", "orderid": 1}],
    "icu/outputevents": [{"itemid": 226559, "value": 250, "valueuom": "ml"}],
    "icu/procedureevents": [{"itemid": 225792, "value": 1500, "valueuom": "min", "statusdescription": "FinishedRunning", "location": "Bedside"}],
    "note/discharge": [
        {"note_id": "1-DS-1", "subject_id": 1, "hadm_id": 101, "note_type": "DS", "note_seq": 1, "charttime": "2151-05-09 00:00:00"}
        | {"storetime": "2151-05-11 09:12:00", "text": ' \nName:  ___\n\nService: MEDICINE\n\nThe patient said "well", and went\nhome, walking.\n'}
    ],
    "note/discharge_detail": [{"note_id": "1-DS-1", "subject_id": 1, "field_name": "author", "field_value": "___", "field_ordinal": 1}],
    "note/radiology": [
        {"note_id": "1-RR-1", "subject_id": 1, "hadm_id": 101, "note_type": "RR", "note_seq": 1, "charttime": "2151-05-03 10:00:00"}
        | {"storetime": "2151-05-03 12:30:00", "text": "EXAMINATION: CHEST\nNo effusion."}
    ],
    "note/radiology_detail": [{"note_id": "1-RR-1", "subject_id": 1, "field_name": "exam_code", "field_value": "C11", "field_ordinal": 1}],
}
"""Made-up records of each file; columns that are not named are empty."""

_STAY = {"subject_id": 1, "hadm_id": 101, "stay_id": 202, "caregiver_id": 7}
_ICU_TIMES = {"charttime": "2151-05-02 15:00:00", "storetime": "2151-05-02 15:22:00"}
_ICU_SPANS = {"starttime": "2151-05-02 15:00:00", "endtime": "2151-05-03 16:00:00", "storetime": "2151-05-02 15:22:00"}
_SPANS = {"icu/inputevents", "icu/ingredientevents", "icu/procedureevents"}


def records_of(name: str) -> list[dict[str, object]]:
    """Give the records of a file."""
    rows = RECORDS[name]
    if not name.startswith("icu/") or "stay_id" not in HEADERS[name].split(",") or name == "icu/icustays":
        return rows
    return [_STAY | (_ICU_SPANS if name in _SPANS else _ICU_TIMES) | row for row in rows]


def write_mimic(folder: Path, *, notes: bool = True, suffix: str = ".csv.gz") -> Path:
    """Write the folder as PhysioNet's archives unpack, and give it."""
    for name, header in HEADERS.items():
        if name.startswith("note/") and not notes:
            continue
        stream = io.StringIO(newline="")
        writer = csv.DictWriter(stream, header.split(","), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records_of(name))
        file = folder / f"{name}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        data = stream.getvalue().encode()
        file.write_bytes(gzip.compress(data, mtime=0) if suffix.endswith(".gz") else data)
    return folder
