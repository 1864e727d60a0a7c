"""``docs/study.md``: made from the schema, complete, and its examples are accepted."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from servicecircle.errors import StudyError
from servicecircle.standards.kinds import AnyStandard
from servicecircle.study import Study, study_from
from servicecircle.study import reference as page_module
from servicecircle.study.reference import EXAMPLES, reference
from servicecircle.text.text import catalogue
from tests.conftest import ROOT

RENEW = "python -c \"from servicecircle.study.reference import reference; print(reference(), end='')\" > docs/study.md"


def test_the_committed_page_is_the_generated_one():
    committed = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    assert committed == reference(), f"renew it: {RENEW}"
    assert RENEW in committed


def keys_of(annotation: Any, path: str) -> set[str]:
    """Walk the types plainly: every key of every table, by its dotted path."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        found = {f"{path}{field.alias or name}" for name, field in annotation.model_fields.items()}
        return found.union(*(keys_of(f.annotation, f"{path}{name}.") for name, f in annotation.model_fields.items()))
    return set().union(*(keys_of(part, path) for part in get_args(annotation)))


def keys_on(page: str) -> dict[str, list[str]]:
    """Return the cells of every row of the page, by the dotted path of its key."""
    rows: dict[str, list[str]] = {}
    table = ""
    for line in page.splitlines():
        if heading := re.match(r"##+ `\[+([^\]]+)\]+`", line):
            table = heading[1].replace(".NAME", "")
        elif match := re.match(r"\| `(\w+)` \|", line):
            rows[f"{table}.{match[1]}"] = re.split(r" (?<!\\)\| ", line.strip("| "))
    return rows


def test_every_key_of_the_schema_is_explained():
    wanted = {key for key in keys_of(Study, "") if "." in key}
    found = keys_on(reference())
    assert len(wanted) > 80
    assert wanted - set(found) == set()
    assert set(found) - wanted == set()
    assert {
        key: cells for key, cells in found.items() if len(cells) != 5 or not cells[1] or not cells[2] or not cells[4]
    } == {}


def test_each_kind_of_a_requirement_has_its_own_keys_and_the_shared_ones_stand_once():
    page = reference()
    head, *parts = re.split(
        r"^### `\[\[standards\.define\]\]` · `kind = ",
        page.split("## `[gap]`")[0].split("## `[standards]`")[1],
        flags=re.MULTILINE,
    )
    kinds = [re.findall(r'"(\w+)"', part.splitlines()[0]) for part in parts]
    assert kinds[0] == ["circle", "radius", "presence"]
    assert kinds[1:] == [[kind] for kind in every_kind()[3:]]
    for key in ("id", "title", "baseline_year", "borrowed", "note"):
        assert head.count(f"\n| `{key}` |") == 1
        assert not [part for part in parts if f"\n| `{key}` |" in part]
    own = {names[-1]: part for names, part in zip(kinds, parts, strict=True)}
    assert "\n| `per_people` |" in own["ratio"]
    assert [kind for kind, part in own.items() if "\n| `per_people` |" in part] == ["ratio"]
    assert {kind for kind, part in own.items() if "\n| `must` |" in part} == {"share", "unit_share"}
    # a condition is explained where it stands first
    assert page.count("### `[[standards.define.must]]`") == 1


def every_kind() -> list[str]:
    """Return every kind a record may have, in the order of the schema."""
    union = get_args(AnyStandard)[0]
    return [kind for model in get_args(union) for kind in get_args(model.model_fields["kind"].annotation)]


def test_every_table_has_a_heading_and_an_example():
    for name in Study.model_fields:
        assert catalogue("zh").get(f"reference.{name}"), f"reference.{name} is missing in zh.toml and en.toml"
        assert name in EXAMPLES, f"EXAMPLES of study/reference.py needs an example of [{name}]"
        assert f"```toml\n{EXAMPLES[name]}```" in reference()
    assert set(EXAMPLES) <= set(Study.model_fields)


SMALLEST = {
    "study": {"name": "x"},
    "population": {"raster": "a.tif"},
    "roads": {"osm": "a.osm"},
    "facilities": [{"path": "a.csv"}],
    "standards": {"use": ["shanting/S01"]},
}


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", reference(), flags=re.DOTALL)


@pytest.mark.parametrize("text", examples())
def test_each_example_is_accepted(text):
    tree = tomllib.loads(text)
    assert len(tree) == 1
    study_from(SMALLEST | tree, Path("study.toml"))
    (name,) = tree
    # an example that could not fail would prove nothing
    with_another = re.sub(r"^(\w+) = ", r"\1_x = ", text, count=1, flags=re.MULTILINE)
    with pytest.raises(StudyError, match=r"unknown_key|missing_key"):
        study_from(SMALLEST | tomllib.loads(with_another), Path("study.toml"))
    assert name in Study.model_fields


def test_the_examples_together_are_one_study():
    study = study_from(tomllib.loads("".join(examples())), Path("study.toml"))
    assert study.siting is not None
    assert len(study.facilities) == 3
    assert study.travel.modes["drive"].factor == 0.9


class _Inner(BaseModel):
    """Something inside."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    size: Annotated[float, Field(gt=0)] = 2.0
    """How large | how small."""


class _Other(BaseModel):
    """Something else."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    loop: _Other | None = None
    """A table inside itself."""


def _of_text(value: Any) -> Any:
    return {"size": 1} if isinstance(value, str) else value


class _Any(BaseModel):
    """Types a later key may have."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    a: Annotated[_Inner, BeforeValidator(_of_text)] | None = None
    """Optional table."""
    b: tuple[_Inner, ...] = Field(default=(), max_length=3)
    """List of tables."""
    c: dict[str, _Inner | _Other] = Field(default_factory=dict)
    """Tables by name."""
    d: dict[str, Annotated[int, Field(ge=1, le=9)]] = {"x": 3}
    """Numbers by name."""
    e: tuple[float, Literal["m", "km"]] = (1.5, "km")
    """Pair."""
    f: Literal[1, 2] | str = 1
    """Word or number."""
    g: list[Annotated[str, Field(pattern="^[a-z]+$")]] = ["q"]
    """Words."""


def test_the_page_is_ready_for_other_types():
    parts = "\n".join(page_module._table(_Any, "any", frozenset()))
    rows = {key.removeprefix("x."): cells for key, cells in keys_on(f"## `[x]`\n{parts}").items()}
    assert rows["a"][1:] == ["table, or text: its `path` alone", "-", "", "Optional table."]
    assert rows["b"][1:] == ["list of tables", "`[]`", "at most 3 entries", "List of tables."]
    assert rows["c"][1:] == ["table of tables by name", "`{}`", "", "Tables by name."]
    assert rows["d"][1:] == [
        "table of whole numbers by name",
        "`{ x = 3 }`",
        "at least 1, at most 9",
        "Numbers by name.",
    ]
    assert rows["e"][1:] == ["list: number, text", '`[1.5, "km"]`', '`"m"`, `"km"`', "Pair."]
    assert rows["f"][1:3] == ["whole number or text", "`1`"]
    assert rows["g"][1:] == ["list of texts", '`["q"]`', "matches `^[a-z]+$`", "Words."]
    headings = re.findall(r"### `(.*)`", parts)
    assert headings == ["[any.a]", "[[any.b]]", "[any.c.NAME]", "[any.c.NAME]", "[any.c.loop]"]
    assert rows_of_size(parts) == [r"How large \| how small."] * 3


def rows_of_size(page: str) -> list[str]:
    return [re.split(r"(?<!\\)\|", line)[5].strip() for line in page.splitlines() if line.startswith("| `size` |")]


def test_the_page_needs_no_heavy_library():
    code = (
        "import sys, servicecircle.study.reference as r; r.reference();"
        "print(sorted({'pandas', 'geopandas', 'rasterio', 'shapely'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
