"""Joining by code or name: real names with noise, and every rule by hand; a wrong join is worse than none."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicecircle.errors import Problem
from servicecircle.inputs.matching import Matching, Names, form, match, town_form
from servicecircle.text.text import LANGUAGES, sentence

#: Endings people write for one another, longest first.
VILLAGE_ENDS = ("村民委员会", "村委会", "村")
COMMUNITY_ENDS = ("社区居民委员会", "社区居委会", "居委会", "社区")
SAME_VILLAGE = (*VILLAGE_ENDS, "行政村", "")
SAME_COMMUNITY = (*COMMUNITY_ENDS, "居民委员会")
BLANKS = (" ", "\u3000", "\t", "\xa0", "\u200b")


def names(*rows: tuple[str, ...]) -> Names:
    """Rows of (name, town, code), the last two may be left out."""
    full = [(*row, "", "")[:3] for row in rows]
    return Names([r[2] for r in full], [r[0] for r in full], [r[1] for r in full])


def joined(rows: Names, targets: Names, **options: bool) -> list[str | None]:
    found = match(rows, targets, **options)
    return [None if k < 0 else targets.name[k] for k in found.target]


def told(found: Matching, row: int = 0) -> str:
    one = found.reason[row]
    assert all(sentence(language, one) for language in LANGUAGES)
    return sentence("en", one)


@pytest.mark.parametrize(
    ("written", "text", "kind", "stems"),
    [
        ("李家村", "李家村", "village", ("李家",)),
        ("李家村民委员会", "李家村民委员会", "village", ("李家",)),
        ("李家村村委会", "李家村村委会", "village", ("李家村", "李家")),
        ("赛乌素嘎查村", "赛乌素嘎查村", "village", ("赛乌素",)),
        ("潞村社区居委会", "潞村社区居委会", "community", ("潞村",)),
        ("团结社区居民委员会", "团结社区居民委员会", "community", ("团结",)),
        ("李 家\u3000村", "李家村", "village", ("李家",)),
        ("\ufeff１０５２０８社区", "105208社区", "community", ("105208",)),
        ("桑村镇", "桑村镇", "town", ("桑村",)),
        ("中城街道办事处", "中城街道办事处", "street", ("中城",)),
        ("村", "村", "", ()),
        ("社区", "社区", "", ()),
        ("嘎查村", "嘎查村", "village", ("嘎查",)),
        ("Mitsoudjé", "mitsoudjé", "", ()),
        ("", "", "", ()),
    ],
)
def test_a_name_is_taken_apart_but_never_to_nothing(written: str, text: str, kind: str, stems: tuple[str, ...]) -> None:
    one = form(written)
    assert (one.text, one.kind, one.stems) == (text, kind, stems)


def test_a_town_of_a_name_that_ends_in_village() -> None:
    assert town_form("桑村镇").stems == ("桑村",)
    assert town_form("桑村").kind == ""
    assert joined(names(("桑村",)), names(("桑村镇",)), towns=True) == ["桑村镇"]
    assert joined(names(("上王乡人民政府",)), names(("上王镇",)), towns=True) == ["上王镇"]


@pytest.mark.parametrize(
    ("row", "target"),
    [
        ("李家村", "李家村"),
        ("李家", "李家村委会"),
        ("李家村委会", "李家"),
        ("李家行政村", "李家村民委员会"),
        ("李家村", "李家村村委会"),
        ("马村委会", "马村村委会"),
        ("潞村", "潞村社区居委会"),
        ("李家社区", "李家居委会"),
        ("李家社区", "李家村"),
        ("乌兰嘎查", "乌兰村委会"),
    ],
)
def test_endings_do_not_part_a_name_from_itself(row: str, target: str) -> None:
    town = "东镇"
    assert joined(names((row, town)), names((target, town), ("王家村", town))) == [target]
    assert joined(names((row, "东镇人民政府")), names((target, town), ("王家村", town))) == [target]


@pytest.mark.parametrize(
    ("row", "target"),
    [
        ("李家", "李佳村"),
        ("东李家村", "李家村"),
        ("李家", "李家屯村"),
        ("马社区", "马村"),  # one character is too little
        ("新社区", "新村社区"),
        ("李家自然村", "李家村"),
        ("解州镇", "解州村委会"),  # a town is no village
        ("解州镇", "解州镇社区"),
        ("", "李家村"),
    ],
)
def test_names_that_are_merely_alike_stay_apart(row: str, target: str) -> None:
    assert joined(names((row, "东镇")), names((target, "东镇"))) == [None]


def test_a_village_and_a_community_of_one_name_stay_apart() -> None:
    both = names(("解州村委会", "解州镇"), ("解州社区居委会", "解州镇"))
    rows = names(("解州社区", "解州镇"), ("解州村", "解州镇"), ("解州", "解州镇"))
    found = match(rows, both)
    assert found.target.tolist() == [1, 0, -1]
    assert "解州村委会" in told(found, 2)
    assert "解州社区居委会" in told(found, 2)


def test_the_better_claim_wins_and_equal_claims_clash() -> None:
    one = names(("解州村委会", "解州镇"))
    found = match(names(("解州社区", "解州镇"), ("解州村", "解州镇")), one)
    assert found.target.tolist() == [-1, 0]
    assert "解州村委会" in told(found)
    assert not found.clashes
    clash = match(names(("解州", "解州镇"), ("解州村", "解州镇"), ("王家", "解州镇")), one)
    assert clash.target.tolist() == [-1, -1, -1]
    assert clash.clashes == ((0, (0, 1)),)
    assert list(clash.reason) == [2]
    kinds = match(names(("解州社区", "解州镇")), one)
    assert (kinds.target.tolist(), kinds.other_kind) == ([0], (0,))


def test_the_town_decides_between_villages_of_one_name() -> None:
    targets = names(("刘庄村委会", "东镇"), ("刘庄村委会", "西乡"), ("王庄村委会", "西乡"))
    rows = names(("刘庄", "西 乡"), ("刘庄村", "东"), ("刘庄村委会", ""), ("王庄", ""), ("刘庄", "南镇"))
    found = match(rows, targets)
    assert found.target.tolist() == [1, 0, -1, 2, -1]
    assert "刘庄村委会" in told(found, 2)
    assert "南镇" in told(found, 4)
    assert "西乡" not in told(match(names(("刘庄", "东真")), targets)).split("东真")[0]


def test_two_towns_of_one_short_name_are_both_looked_in() -> None:
    targets = names(("和胜村委会", "昭君镇"), ("团结社区", "昭君街道"), ("中心村", "昭君镇"), ("中心社区", "昭君街道"))
    found = match(names(("和胜村", "昭君"), ("团结", "昭君"), ("中心", "昭君"), ("中心村", "昭君镇")), targets)
    assert found.target.tolist() == [0, 1, -1, 2]


def test_without_towns_a_name_must_be_the_only_one() -> None:
    places = names(("张庄", "", "node:1"), ("张庄社区", "", "node:2"), ("李庄", "", "node:3"), ("杜村村委会", "", "n4"))
    found = match(names(("张庄村", "东镇"), ("李庄村委会", "东镇"), ("杜村委", "西镇"), ("张庄", "西镇")), places)
    assert found.target.tolist() == [-1, 2, -1, 0]


def test_a_code_goes_before_a_name() -> None:
    targets = names(("甲村", "东镇", "001"), ("乙村", "东镇", "002"), ("", "", "003"))
    rows = names(
        ("甲村委会", "西镇", "001"),  # agrees: the town is not asked
        ("丙村", "东镇", "002"),  # nobody's name: the code alone
        ("丁村", "", "003"),  # the unit has no name
    )
    found = match(rows, targets)
    assert (found.target.tolist(), found.other_name) == ([0, 1, 2], (1,))
    wrong = match(names(("乙村", "东镇", "001"), ("", "", "9"), ("", "", ""), ("乙村", "东镇", "7")), targets)
    assert wrong.target.tolist() == [-1, -1, -1, 1]
    assert "001" in told(wrong)
    assert "乙村" in told(wrong)
    assert "9" in told(wrong, 1)
    assert told(wrong, 2)


def test_running_numbers_are_no_codes() -> None:
    villages = [(f"{a}庄村", "东镇") for a in "赵钱孙李周吴郑王"]
    targets = names(*((*v, str(k)) for k, v in enumerate(villages)))
    rows = names(*((*v, str(k + 1)) for k, v in enumerate(villages)))
    found = match(rows, targets)
    assert set(found.target.tolist()) <= {-1, 7}
    assert found.target[7] in (-1, 7)


def test_the_nearest_spellings_are_named() -> None:
    targets = names(*((f"{a}家庄村", "东镇") for a in ("李", "王", "赵", "钱", "孙")), ("李家桩村", "西镇"))
    found = match(names(("李家装村", "东镇"), ("OK", "东镇")), targets)
    assert found.target.tolist() == [-1, -1]
    assert "李家庄村" in told(found)
    assert "李家桩" not in told(found)
    assert told(found).split("spellings: ")[1].count(",") <= 2
    assert told(found, 1).endswith("-")


def real(shared_data: Path, county: str) -> list[dict[str, str]]:
    with (shared_data / "cn_five_places" / "towns_villages_2021.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["county_code"] == county]


def other_ending(name: str, rng: random.Random) -> str:
    """Write another ending that means the same."""
    for ends, same in ((COMMUNITY_ENDS, SAME_COMMUNITY), (VILLAGE_ENDS, SAME_VILLAGE)):
        for end in ends:
            if name.endswith(end) and name != end:
                return name.removesuffix(end) + rng.choice(same)
    return name


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def with_blank(text: str, rng: random.Random) -> str:
    k = rng.randrange(len(text) + 1)
    return text[:k] + rng.choice(BLANKS) + text[k:]


def with_typo(text: str, letters: list[str], rng: random.Random) -> str:
    k = rng.randrange(len(text))
    other = "" if rng.random() < 0.5 else rng.choice([c for c in letters if c != text[k]])
    return text[:k] + other + text[k + 1 :]


def noised(rows: list[dict[str, str]], rng: random.Random) -> tuple[Names, list[int], list[bool]]:
    """Return a shuffled copy of a name list as others would write it, its true rows, and which have a typo."""
    letters = sorted({c for row in rows for c in row["unit"]})
    order = rng.sample(range(len(rows)), len(rows))
    made, towns, wrong = [], [], []
    for k in order:
        name, town = rows[k]["unit"], rows[k]["town"]
        wrong.append(rng.random() < 0.05)
        if wrong[-1] and rng.random() < 0.5:
            name = with_typo(name, letters, rng)
            name = other_ending(name, rng) if name else name
        else:
            name = other_ending(name, rng)
            name = with_typo(name, letters, rng) if wrong[-1] else name
        made.append(with_blank(full_width(name), rng) if rng.random() < 0.5 else name)
        short = town.removesuffix("镇").removesuffix("乡")
        towns.append(rng.choice((town, with_blank(town, rng), short if len(short) > 1 else town)))
    return Names([""] * len(made), made, towns), order, wrong


@pytest.mark.parametrize(
    ("county", "villages", "communities"), [("370406", 252, 26), ("140802", 233, 77)], ids=["Shanting", "Yanhu"]
)
@pytest.mark.parametrize("seed", range(12))
def test_real_names_join_and_none_wrongly(
    shared_data: Path, county: str, villages: int, communities: int, seed: int
) -> None:
    rows = real(shared_data, county)
    assert len(rows) == villages + communities
    targets = Names([r["unit_code"] for r in rows], [r["unit"] for r in rows], [r["town"] for r in rows])
    copy, truth, typo = noised(rows, random.Random(seed))
    found = match(copy, targets)
    got = found.target.tolist()
    assert [copy.name[k] for k, t in enumerate(got) if t not in (-1, truth[k])] == []
    clean = [k for k in range(len(rows)) if not typo[k]]
    assert len(clean) > 0.85 * len(rows)
    assert sum(got[k] == truth[k] for k in clean) >= 0.99 * len(clean)
    # every row is joined, or told why not, or clashes with another
    clashing = {k for _, which in found.clashes for k in which}
    assert {k for k, t in enumerate(got) if t < 0} == set(found.reason) | clashing
    assert all(isinstance(one, Problem) and told(found, k) for k, one in found.reason.items())


@pytest.mark.parametrize("county", ["370406", "140802", "150602", "150603", "150621"])
def test_real_names_join_themselves_by_name_and_by_code(shared_data: Path, county: str) -> None:
    rows = real(shared_data, county)
    everyone = list(range(len(rows)))
    targets = Names([r["unit_code"] for r in rows], [r["unit"] for r in rows], [r["town"] for r in rows])
    assert match(Names([""] * len(rows), targets.name, targets.town), targets).target.tolist() == everyone
    assert match(Names(targets.code, [""] * len(rows), [""] * len(rows)), targets).target.tolist() == everyone
    towns = sorted({row["town"] for row in rows})
    known = Names(towns, towns, [""] * len(towns))
    assert match(Names([""] * len(towns), towns, [""] * len(towns)), known, towns=True).target.tolist() == list(
        range(len(towns))
    )


def test_names_that_stand_in_several_towns_need_their_town(shared_data: Path) -> None:
    rows = real(shared_data, "370406")
    targets = Names([r["unit_code"] for r in rows], [r["unit"] for r in rows], [r["town"] for r in rows])
    found = match(Names([""] * len(rows), targets.name, [""] * len(rows)), targets)
    # counted in the file itself: nine names stand in two towns or more
    again = {name for name in targets.name if targets.name.count(name) > 1}
    assert len(again) == 9
    assert {targets.name[k] for k in found.reason} == again
    assert all(t in (-1, k) for k, t in enumerate(found.target.tolist()))


STEM = st.text(alphabet="甲乙丙丁戊村东西", min_size=1, max_size=3)
TARGETS = st.lists(
    st.tuples(STEM, st.sampled_from(["", *SAME_VILLAGE, *SAME_COMMUNITY]), st.sampled_from(["", "东镇", "西乡"])),
    min_size=1, max_size=8, unique=True,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(targets=TARGETS, rows=TARGETS, seed=st.integers(0, 1000))
def test_the_order_and_the_width_of_names_do_not_matter(
    targets: list[tuple[str, str, str]], rows: list[tuple[str, str, str]], seed: int
) -> None:
    rng = random.Random(seed)
    mine, theirs = ([(stem + end, town) for stem, end, town in some] for some in (rows, targets))
    found = match(names(*mine), names(*theirs)).target.tolist()
    pairs = {(mine[k], theirs[t]) for k, t in enumerate(found) if t >= 0}
    row_order, target_order = rng.sample(mine, len(mine)), rng.sample(theirs, len(theirs))
    written = [(with_blank(name, rng), town) for name, town in row_order]
    again = match(names(*written), names(*target_order)).target.tolist()
    assert {(row_order[k], target_order[t]) for k, t in enumerate(again) if t >= 0} == pairs
    used = [t for t in found if t >= 0]
    assert len(used) == len(set(used))
