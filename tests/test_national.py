"""The national pack: register section 4 as records, each with its status wherever it is used."""

from __future__ import annotations

import pytest

from servicecircle.standards.catalogue import load_catalogue, select
from servicecircle.standards.handbook import handbook
from servicecircle.standards.wording import clause_text, status_mark

NATIONAL = [record for record in load_catalogue().values() if record.id.startswith("national/")]
#: What the register marks M ("from memory"): no record of it may claim to have been found.
FROM_MEMORY = {
    "chc-1000m", "chs-300m", "day-care-300m", "nursery-300m", "sports-large-1000m", "sports-medium-500m",
    "sports-small-300m", "circle-5min-300m", "ambulance-fleet-30000", "ambulance-fleet-county-300",
    "ambulance-satisfaction-95", "clinic-per-village", "clinic-shared-or-host", "chc-per-street", "chc-people-30000",
    "circle-15min-800m", "circle-people-5min", "circle-tiers-tdt",
}  # fmt: skip


def test_what_is_from_memory_is_marked_and_nothing_else():
    marked = {record.id.removeprefix("national/") for record in NATIONAL if record.status == "national_unverified"}
    assert marked == FROM_MEMORY
    assert {record.status for record in NATIONAL} == {"national", "national_unverified"}


@pytest.mark.parametrize("record", NATIONAL, ids=lambda record: record.id)
@pytest.mark.parametrize(("language", "mark"), [("zh", "未核实"), ("en", "not verified")])
def test_the_status_is_printed_wherever_a_record_is_used(record, language, mark):
    assert record.source
    assert not record.plan
    clause = clause_text(record, language)
    assert clause.endswith(status_mark(record, language).strip())
    assert (mark in clause) == (record.status == "national_unverified")


def test_the_handbook_prints_the_status():
    row = next(line for line in handbook().splitlines() if "`national/ambulance-fleet-county-300`" in line)
    assert "not verified" in row


def test_groups_of_the_pack():
    fleet = [record.id for record in select(["national/ambulance-fleet"], [])]
    assert fleet == ["national/ambulance-fleet-30000", "national/ambulance-fleet-county-300"]
    assert [record.id for record in select(["national/clinic-per-village"], [])] == ["national/clinic-per-village"]
