"""Any schema that a Pydantic model gives: the worker's complete answers parse and validate, or the schema is refused and says why."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, create_model

from extractors.errors import UsageError
from extractors.own.schema import AskedSchema
from extractors.worker.asked import tightened
from extractors.worker.constraint import Grammars
from extractors.worker.engine import LanguageModel
from tests.worker.test_constraint import answer, grammars  # noqa: F401  the fixture
from tests.worker_process import RunningWorker, running_worker


class Colour(Enum):
    red = "red"
    blue = "navy blue"


class Level(IntEnum):
    low = 1
    high = 10


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str = Field(max_length=5)


class Tree(BaseModel):
    value: int = Field(ge=0, le=99)
    kids: list[Tree] = Field(default=[], max_length=2)


class Odd(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    number: int = Field(alias="Number-of things", ge=0, le=9)


Short = Annotated[str, StringConstraints(max_length=6)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-\d{3,5}$")]

LEAVES: list[Any] = [
    bool,
    Annotated[int, Field(ge=-50, le=10_000)],
    Annotated[int, Field(multiple_of=5, gt=0, lt=500)],
    Annotated[float, Field(ge=0, le=1)],
    Decimal,
    Annotated[Decimal, Field(max_digits=8, decimal_places=2)],
    Annotated[Decimal, Field(ge=0, le=100)],
    Annotated[Decimal, Field(gt=0, max_digits=6, decimal_places=2)],
    Annotated[Decimal, Field(ge=Decimal("-5.5"), lt=10, decimal_places=1)],
    Annotated[Decimal, Field(max_digits=3, decimal_places=3)],
    Short,
    Code,
    Annotated[str, StringConstraints(min_length=2, max_length=4)],
    date,
    datetime,
    time,
    UUID,
    Colour,
    Level,
    Literal["a", 'b"c', "ü", 3],
    Literal[True],
    Cat,
    Odd,
    Annotated[Cat | Dog, Field(discriminator="kind")],
    Cat | Dog,
    Tree,
    Annotated[bytes, Field(max_length=4)],
]


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        inner.map(lambda t: t | None),
        inner.map(lambda t: Annotated[list[t], Field(max_length=2)]),  # type: ignore[valid-type]
        inner.map(lambda t: tuple[t, t]),  # type: ignore[valid-type]
        inner.map(lambda t: Annotated[dict[Short, t], Field(max_length=2)]),  # type: ignore[valid-type]
        inner.map(lambda t: dict[Colour, t]),  # type: ignore[valid-type]
        st.just(Annotated[set[Level], Field(max_length=2)]),
        inner.map(lambda t: create_model("Inner", a=(t, ...), b=(t | None, None))),
        st.tuples(inner, inner).map(lambda pair: Union[pair]),  # noqa: UP007
    )


TYPES = st.recursive(st.sampled_from(LEAVES), containers, max_leaves=4)
MODELS = st.lists(TYPES, min_size=1, max_size=3).map(
    lambda types: create_model("Asked", **{f"f{i}": (kind, ...) for i, kind in enumerate(types)})  # type: ignore[call-overload]
)


def asked_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(schema_generator=AskedSchema)


ENDS: Counter[str] = Counter()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(model=MODELS, seed=st.integers(0, 2**32 - 1), temperature=st.sampled_from([0.0, 1.0]))
def test_every_answer_to_a_generated_model_validates(
    grammars: tuple[Grammars, LanguageModel],  # noqa: F811
    model: type[BaseModel],
    seed: int,
    temperature: float,
) -> None:
    try:
        text = answer(*grammars, asked_of(model), seed, temperature)
    except UsageError as refused:
        assert "cannot be used to constrain the answer" in str(refused)
        assert re.search(r"Unimplemented|Unsatisfiable|not supported|too", str(refused)), refused
        ENDS["refused"] += 1
        return
    model.model_validate_json(text)
    ENDS["valid"] += 1


def test_hardly_a_model_is_refused() -> None:
    assert ENDS["valid"] > 20 * ENDS["refused"]


@pytest.mark.parametrize("kind", LEAVES, ids=str)
def test_every_kind_of_value_is_honoured(grammars: tuple[Grammars, LanguageModel], kind: Any) -> None:  # noqa: F811
    model = create_model("Asked", f=(Annotated[list[kind], Field(min_length=2, max_length=3)] | None, ...))
    for seed in range(4):
        model.model_validate_json(answer(*grammars, asked_of(model), seed, 1.0))


def test_days_that_do_not_exist_are_not_written(grammars: tuple[Grammars, LanguageModel]) -> None:  # noqa: F811
    pattern = tightened({"type": "string", "format": "date"})["pattern"]
    for day in ("2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31", "2023-04-30"):
        assert re.fullmatch(pattern, day), day
    for day in (
        "2023-02-29",
        "1900-02-29",
        "2023-04-31",
        "0000-01-01",
        "2023-13-01",
        "2023-00-10",
        "2023-01-32",
    ):
        assert not re.fullmatch(pattern, day), day


def test_what_has_no_other_way_of_being_written_is_refused_and_named(
    grammars: tuple[Grammars, LanguageModel],  # noqa: F811
) -> None:
    class Many(BaseModel):
        f: Annotated[set[int], Field(min_length=3)]

    class Keys(BaseModel):
        f: dict[timedelta, int]

    for model, named in ((Many, "uniqueItems"), (Keys, "propertyNames")):
        with pytest.raises(UsageError, match=named):
            grammars[0].constraint(model.model_json_schema())


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    with running_worker(tmp_path_factory.mktemp("schemas"), slots=8) as running:
        yield running


def ask(worker: RunningWorker, schema: dict[str, Any], seed: int) -> httpx.Response:
    body = {
        "messages": [{"role": "user", "content": f"Answer {seed}."}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
        "max_tokens": 1500, "temperature": 1.0, "seed": seed,
    }  # fmt: skip
    return httpx.post(f"{worker.url}/v1/chat/completions", json=body, timeout=120)


def test_the_worker_itself_with_random_weights(worker: RunningWorker) -> None:
    """The process, its model, its sampling: what comes back complete validates, what it refuses is a 400 with the reason."""
    finished = 0
    for i, kind in enumerate(LEAVES):
        model = create_model("Asked", f=(kind, ...), g=(Annotated[list[kind], Field(max_length=2)], ...))
        response = ask(worker, asked_of(model), i)
        assert response.status_code == 200, (kind, response.text)
        choice = response.json()["choices"][0]
        assert choice["finish_reason"] in ("stop", "length", "repetition")
        if choice["finish_reason"] == "stop":
            finished += 1
            model.model_validate_json(choice["message"]["content"])
    assert finished >= len(LEAVES) - 3  # noise may go on for ever in a recursive model
    refused = ask(
        worker, {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True}, 0
    )
    assert refused.status_code == 400
    assert "uniqueItems" in refused.json()["error"]["message"]


def test_own_models_ask_for_bounded_answers(tmp_path: Path) -> None:
    class Loose(BaseModel):
        text: str
        texts: list[str]
        count: int
        money: Decimal

    schema = asked_of(Loose)
    told = json.dumps(schema)
    assert schema["properties"]["text"]["maxLength"] == 400
    assert schema["properties"]["texts"]["maxItems"] == 120
    assert schema["properties"]["count"]["maximum"] == 2**63 - 1
    assert "anyOf" not in told and schema["properties"]["money"]["type"] == "string"
