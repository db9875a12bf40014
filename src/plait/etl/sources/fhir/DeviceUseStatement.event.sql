-- One row: a device that a patient used.
WITH device_kind AS (
    SELECT
        _key,
        min(type) AS type,
        min(fhir_at(udiCarrier, '$[0].carrierHRF')) AS udi,
        min(fhir_at(udiCarrier, '$[0].deviceIdentifier')) AS identifier
    FROM Device
    WHERE _rule IS DISTINCT FROM 'superseded'
    GROUP BY _key
),

told AS (
    SELECT
        u.*,
        fhir_codings(d.type, 'condition') AS codings,
        coalesce(d.udi, d.identifier) AS udi,
        coalesce(u.timingDateTime, fhir_at(u.timingPeriod, '$.start'), u.recordedOn) AS began
    FROM DeviceUseStatement AS u
    LEFT JOIN device_kind AS d ON u._device = d._key
)

SELECT
    t._pointer,
    t._person AS person,
    fhir_time(t.began, o.partial_dates) AS start,
    fhir_time(fhir_at(t.timingPeriod, '$.end'), o.partial_dates) AS "end",
    fhir_known(t.recordedOn, t.began) AS known_time,
    t.codings[1].code AS code,
    t.codings[1].system AS code_system,
    t.codings[2].code AS alternative,
    t.codings[2].system AS alternative_system,
    t.codings[1].display AS display,
    'Device' AS domain,
    t.udi AS unique_device,
    'ehr_encounter_record' AS type,
    coalesce(t._rule, CASE WHEN t.status IN ('intended', 'on-hold') THEN 'not_begun' END) AS _ignore
FROM told AS t
CROSS JOIN options AS o
