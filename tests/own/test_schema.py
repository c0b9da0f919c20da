"""Which schema is asked for: found by its reference, refused with a sentence that says what to do, and turned into Arrow columns."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel, create_model

from extractors.errors import UsageError
from extractors.own.reader import joined_rows
from extractors.own.schema import OwnSchema, load_own
from flows.own import BEFORE, own_table
from schemas.arrow import MONEY
from schemas.records import FoundValue, OwnRow
from schemas.twin import DoesNotFitError, UnsupportedTypeError, arrow_fields, storable
from tests.conftest import ROOT
from tests.own_models import Invoice, Kind, Line

MODELS = ROOT / "tests" / "own_models.py"


def test_the_model_of_the_documentation_can_be_asked_for(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "your-own-schema.md").read_text()
    (body,) = re.findall(r"(?s)```python\n(.*?)```", text)
    (tmp_path / "mypackage.py").write_text(body)
    own = load_own(f"{tmp_path / 'mypackage.py'}:Invoice")
    table = own_table(own, "d", (OwnRow(page=1, page_last=1, item=0, answer=json.dumps(
        {"number": "A1", "issued": "2024-05-03", "seller": "Bo", "lines": [], "total": "1.50"}), values=(found("total", "1.50", 1, "mismatch"),)),))  # fmt: skip
    (tmp_path / "out" / "invoice").mkdir(parents=True)
    pq.write_table(table, tmp_path / "out" / "invoice" / "d.parquet")
    (queries,) = re.findall(r"(?s)```sql\n(.*?)```", text)
    first, second = [
        duckdb.sql(query.replace("'out/", f"'{tmp_path}/out/")).fetchall()
        for query in queries.split(";")
        if query.strip()
    ]
    assert first == [] and [row[1:3] for row in second] == [("total", "1.50")]
    told = set(re.findall(r"(?m)^\| (_?\w+(?:, \w+)*) \|", text))
    assert {name for names in told for name in names.split(", ")} >= {
        *(f.name for f in BEFORE),
        "_values",
        "_grounding",
    }


@pytest.mark.parametrize(
    "reference",
    ["tests.own_models.Invoice", "tests.own_models:Invoice", f"{MODELS}:Invoice"],
)
def test_a_class_is_found_by_module_or_file(reference: str) -> None:
    own = load_own(reference)
    assert (own.name, own.row_is, own.model.__name__) == ("invoice", "page", "Invoice")
    assert load_own("tests.own_models.Payment").row_is == "occurrence"
    assert load_own(reference).version == load_own("tests.own_models:Invoice").version
    assert load_own(reference, row_is="document").version != own.version


def test_the_only_model_of_a_file_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(
        "from __future__ import annotations\nfrom pydantic import BaseModel\nclass CarParkTicket(BaseModel):\n    plate: str\n"
    )
    assert load_own(str(path)).name == "car_park_ticket"


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("Invoice", "write package.module.Class"),
        ("no_such_package.Invoice", "cannot be imported .*PYTHONPATH"),
        (
            "tests.own_models.Bill",
            r"has no class 'Bill'; the Pydantic models in it are: Line, Party, Invoice",
        ),
        ("tests.own_models.NOT_A_MODEL", "is no Pydantic model; derive the class from pydantic.BaseModel"),
        (str(MODELS), "does not say which class is meant"),
        ("nowhere/else.py:Invoice", "does not exist; check the path"),
        ("os; import sys.Invoice", "names no class"),
    ],
)
def test_what_cannot_be_asked_for_says_what_to_do(reference: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        load_own(reference)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("class Facts(BaseModel):\n    a: int\n", "give the class another name"),
        ("class A(BaseModel):\n    page: int\n", "field 'page', which is a column of every dataset"),
        ("class A(BaseModel):\n    a: Any\n", "A.a is Any, which has no column type"),
        ("class A(BaseModel):\n    a: int | str\n", "A.a may hold values of several types"),
        ("class A(BaseModel):\n    a: dict[int, str]\n", "use dict\\[str"),
        ("class A(BaseModel):\n    kids: list['A']\n", "holds A inside itself"),
        ("class A(BaseModel):\n    a: bytes\n", "A.a is bytes, which has no column type"),
        ("class A(BaseModel):\n    pass\n", "has no fields"),
        ("class A(BaseModel):\n    a: int = 1 / 0\n", "cannot be imported .ZeroDivisionError"),
    ],
)
def test_models_that_no_dataset_can_hold_are_refused(tmp_path: Path, body: str, told: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(f"from typing import Any\nfrom pydantic import BaseModel\n{body}")
    with pytest.raises(UsageError, match=told):
        load_own(str(path))


def test_the_arrow_twin_of_a_model() -> None:
    fields = {field.name: field.type for field in arrow_fields(Invoice)}
    line = pa.struct([("description", pa.string()), ("quantity", pa.int64()), ("unit_price", MONEY), ("vat_percent", pa.float64()), ("amount", MONEY)])  # fmt: skip
    assert fields == {
        "number": pa.string(), "issued": pa.date32(), "due": pa.date32(),
        "seller": pa.struct([("name", pa.string()), ("address", pa.string())]), "lines": pa.list_(line),
        "total": MONEY, "kind": pa.string(), "paid": pa.bool_(), "currency": pa.string(),
    }  # fmt: skip


class Cents(RootModel[int]):
    pass


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (int | None, pa.int64()), (int | float, pa.float64()), (Decimal | int, MONEY), (Literal[1, 2], pa.int64()),
        (datetime, pa.timestamp("us")), (set[date], pa.list_(pa.date32())), (tuple[str, ...], pa.list_(pa.string())),
        (dict[str, Decimal], pa.map_(pa.string(), MONEY)), (Kind, pa.string()), (list[Line | None], None), (Cents, pa.int64()),
    ],
)  # fmt: skip
def test_types_and_their_columns(annotation: Any, kind: pa.DataType | None) -> None:
    (field,) = arrow_fields(create_model("A", f=(annotation, ...)))
    assert kind is None or field.type == kind
    assert pa.types.is_list(field.type) if kind is None else True


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20))
def test_money_is_kept_to_the_last_digit(value: Decimal) -> None:
    assert pa.array([storable(value, MONEY)], type=MONEY)[0].as_py() == value


def test_what_a_column_cannot_hold_is_not_rounded() -> None:
    with pytest.raises(DoesNotFitError, match="decimal128"):
        storable(Decimal("0.1234567891"), MONEY)
    with pytest.raises(DoesNotFitError, match="larger"):
        storable(2**64, pa.int64())
    with pytest.raises(UnsupportedTypeError):
        arrow_fields(create_model("A", f=(object, ...)))
    assert storable({Kind.goods: Decimal(1)}, pa.map_(pa.string(), MONEY)) == [("goods", Decimal(1))]
    assert storable(datetime(2024, 1, 2, tzinfo=UTC), pa.timestamp("us")) == datetime(2024, 1, 2, tzinfo=UTC)


def found(path: str, read: str, page: int, grounding: str = "exact") -> FoundValue:
    return FoundValue(path=path, read=read, page=page, grounding=grounding, confidence=1.0, needs_review=grounding == "mismatch")  # type: ignore[arg-type]  # fmt: skip


def test_parts_of_one_thing_are_joined() -> None:
    """Lists follow each other; the first value that the page bears out is kept; two of them are a doubt."""
    first = OwnRow(page=1, page_last=1, item=0, answer='{"no":"A1","sum":"9.00","to":null,"lines":[{"x":1},{"x":2}]}', values=(
        found("no", "A1", 1), found("sum", "9.00", 1, "mismatch"), found("lines[0].x", "1", 1), found("lines[1].x", "2", 1)))  # fmt: skip
    second = OwnRow(page=2, page_last=2, item=0, answer='{"no":"A7","sum":"3.00","to":"Bo","lines":[{"x":3}]}', values=(
        found("no", "A7", 2), found("sum", "3.00", 2), found("to", "Bo", 2), found("lines[0].x", "3", 2)))  # fmt: skip
    (row,) = joined_rows([first, second])
    assert row.answer == '{"no": "A1", "sum": "3.00", "to": "Bo", "lines": [{"x": 1}, {"x": 2}, {"x": 3}]}'
    assert (row.page, row.page_last) == (1, 2)
    told = {v.path: (v.read, v.page, v.needs_review, v.note) for v in row.values}
    assert told == {
        "no": ("A1", 1, True, "page 2 says 'A7'"),
        "sum": ("3.00", 2, False, None),
        "to": ("Bo", 2, False, None),
        "lines[0].x": ("1", 1, False, None),
        "lines[1].x": ("2", 1, False, None),
        "lines[2].x": ("3", 2, False, None),
    }
    assert joined_rows([]) == []


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=5))
def test_joining_loses_no_entry(parts: list[list[int]]) -> None:
    class Sums(BaseModel):
        xs: list[int]

    rows = [
        OwnRow(page=p, page_last=p, item=0, answer=Sums(xs=xs).model_dump_json(),
               values=tuple(found(f"xs[{i}]", str(x), p) for i, x in enumerate(xs)))
        for p, xs in enumerate(parts, 1)
    ]  # fmt: skip
    (row,) = joined_rows(rows)
    whole = [x for xs in parts for x in xs]
    assert Sums.model_validate_json(row.answer).xs == whole
    assert [(v.path, v.read) for v in row.values] == [(f"xs[{i}]", str(x)) for i, x in enumerate(whole)]


def test_what_no_column_holds_is_null_and_marked() -> None:
    class Share(BaseModel):
        name: str
        price: Decimal

    own = OwnSchema("here:Share", "share", Share, "occurrence", (), "1")
    rows = tuple(
        OwnRow(page=1, page_last=1, item=i, answer=json.dumps({"name": "A", "price": price}), values=(found("price", price, 1),))
        for i, price in enumerate(("1.123456789", "1.1234567891"))
    )  # fmt: skip
    whole, cut = own_table(own, "d", rows).to_pylist()
    assert (whole["price"], whole["_needs_review"]) == (Decimal("1.123456789"), False)
    assert (cut["price"], cut["name"], cut["_needs_review"]) == (None, "A", True)
    assert cut["_review_reason"] == "price: 1.1234567891 has more digits than decimal128(38, 9) holds"
    assert own_table(own, "d", ()).num_rows == 0
