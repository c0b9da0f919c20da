from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, StringConstraints

from extractors.errors import UsageError
from extractors.worker.asked import tightened
from extractors.worker.choosing import Chooser
from extractors.worker.constraint import Constraint, Grammars
from extractors.worker.engine import LanguageModel
from extractors.worker.settings import WorkerSettings
from schemas.reading import TileAnswer, Triage, tile_schema
from tests.tiny_model import build_pair

ENOUGH = 6000  # tokens: more than any of these answers can take


class Line(BaseModel):
    label: Annotated[str, StringConstraints(max_length=20)]
    amount: Annotated[str, StringConstraints(pattern=r"^\(?[0-9]{1,6}\)?$")] | None
    kind: Literal["item", "total"] = "item"


class Invoice(BaseModel):
    """A schema as a user would write it: defaults, nesting, enums, numbers."""

    number: Annotated[str, StringConstraints(max_length=12)]
    paid: bool
    pages: int = Field(ge=1, le=99)
    lines: list[Line] = Field(max_length=4)
    note: Annotated[str, StringConstraints(max_length=30)] | None = None


class Nothing(BaseModel):
    pass


@pytest.fixture(scope="module")
def grammars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Grammars, LanguageModel]]:
    language, mmproj = build_pair(tmp_path_factory.mktemp("tiny"))
    model = LanguageModel(
        WorkerSettings(model=language, mmproj=mmproj, context=512, slots=1, kept=0, threads=2)
    )
    yield Grammars(model), model
    model.close()


@dataclass
class Draw:
    constraint: Constraint | None
    temperature: float
    random: np.random.Generator | None
    odds: bool = True


def answer(
    grammars: Grammars, model: LanguageModel, schema: dict[str, Any], seed: int, temperature: float
) -> str:
    """Write an answer with random logits instead of a model, as the scheduler does."""
    rng = np.random.default_rng(seed)
    constraint = grammars.constraint(schema)
    draw = Draw(constraint, temperature, np.random.default_rng(seed))
    chooser = Chooser(1, model.n_vocab)
    data = b""
    for _ in range(ENOUGH):
        logits = (rng.standard_normal((1, model.n_vocab)) * 3).astype(np.float32)
        (choice,) = chooser.choose(logits, [draw])
        assert choice.logprob <= 0 and 0 <= choice.forbidden <= 1
        if model.ends(choice.token):
            assert constraint.complete
            break
        data += b"".join(model.piece(token) for token in [choice.token, *constraint.take(choice.token)])
        if constraint.done:
            break
    return data.decode()


@pytest.mark.parametrize("schema", [TileAnswer, Triage, Invoice, Nothing])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_complete_answer_parses_and_validates(
    grammars: tuple[Grammars, LanguageModel], schema: type[BaseModel], temperature: float, seed: int
) -> None:
    given_schema = tile_schema(4, 3) if schema is TileAnswer else schema.model_json_schema()
    text = answer(*grammars, given_schema, seed, temperature)
    schema.model_validate_json(text)
    assert not re.search(r"\s", re.sub(r'"(?:[^"\\]|\\.)*"', "", text))  # no blanks spent between the tokens


def test_bounds_hold(grammars: tuple[Grammars, LanguageModel]) -> None:
    for seed in range(10):
        read = TileAnswer.model_validate_json(answer(*grammars, tile_schema(3, 2), seed, 0.0))
        assert all(len(table.rows) <= 3 for table in read.tables)
        assert all(len(row) <= 2 for table in read.tables for row in table.rows)


def test_a_schema_that_cannot_be_honoured_is_refused(grammars: tuple[Grammars, LanguageModel]) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        grammars[0].constraint({"type": "string", "pattern": "(?=a)b"})
    with pytest.raises(UsageError, match="cannot be used"):
        grammars[0].constraint({"type": "no such type"})


def test_unnamed_properties_are_closed_and_free_ones_stay() -> None:
    class Free(BaseModel):
        amounts: dict[str, int]

    schema = tightened(Free.model_json_schema())
    assert schema["additionalProperties"] is False
    assert schema["properties"]["amounts"]["additionalProperties"] == {"type": "integer"}


def test_the_best_allowed_token_is_taken_and_the_rest_is_counted_as_forbidden(
    grammars: tuple[Grammars, LanguageModel],
) -> None:
    compiler, model = grammars
    letter = {byte: model.tokenize(byte)[0] for byte in "{[a"}
    logits = np.full((1, model.n_vocab), -30.0, np.float32)
    logits[0, letter["a"]], logits[0, letter["["]], logits[0, letter["{"]] = 2.0, 1.0, 0.0
    constraint = compiler.constraint({"type": "object", "properties": {}, "additionalProperties": False})
    (choice,) = Chooser(1, model.n_vocab).choose(logits, [Draw(constraint, 0.0, None)])
    odds = np.exp([2.0, 1.0, 0.0])
    assert choice.token == letter["{"]
    assert choice.logprob == pytest.approx(float(np.log(odds[2] / odds.sum())), abs=1e-4)
    assert choice.forbidden == pytest.approx(float(1 - odds[2] / odds.sum()), abs=1e-4)
    assert Decimal(0) <= Decimal(choice.forbidden) <= 1


def test_a_seed_decides_the_draw(grammars: tuple[Grammars, LanguageModel]) -> None:
    schema = Invoice.model_json_schema()
    assert answer(*grammars, schema, 5, 0.8) == answer(*grammars, schema, 5, 0.8)
    assert answer(*grammars, schema, 5, 0.8) != answer(*grammars, schema, 6, 0.8)
