"""What the vision model is asked to answer: the models whose JSON schema constrains its decoding.

Compact, because every token costs time: a table is an array of rows, a row an array of cells, and a number is a string exactly
as it is printed, so that nothing is rounded, converted or completed on the way. All fields are required, in this order.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

JOINED_LEFT = "<"  # a cell that belongs to the one on its left
JOINED_UP = "^"  # a cell that belongs to the one above it
LONGEST_CELL = 200  # characters
LONGEST_TITLE = 200  # characters
MOST_COLUMNS = 40
MOST_ROWS = 200
MOST_HEADER_ROWS = 8
MOST_TABLES = 6  # on one tile

CellText = Annotated[str, StringConstraints(max_length=LONGEST_CELL)]


class Answer(BaseModel):
    """Base of what the model may answer: unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReadTable(Answer):
    """One table, or the part of it that a tile shows."""

    title: Annotated[str, StringConstraints(max_length=LONGEST_TITLE)] | None
    head: int = Field(ge=0, le=MOST_HEADER_ROWS)  # how many of the first rows are column headers
    rows: list[Annotated[list[CellText], Field(max_length=MOST_COLUMNS)]] = Field(max_length=MOST_ROWS)


class TileAnswer(Answer):
    """All tables of a tile, top to bottom, then left to right."""

    tables: list[ReadTable] = Field(max_length=MOST_TABLES)


class Triage(Answer):
    """Whether a page is worth a closer look."""

    tables: int = Field(ge=0, le=MOST_TABLES)  # how many tables it shows


def tile_schema(most_rows: int, most_columns: int) -> dict[str, Any]:
    """Return the JSON schema of a `TileAnswer` with no more rows and columns than the tile can hold.

    The bounds keep a model that has lost its way from writing rows for ever.
    """
    schema = TileAnswer.model_json_schema()
    rows = schema["$defs"]["ReadTable"]["properties"]["rows"]
    rows["maxItems"] = max(1, min(most_rows, MOST_ROWS))
    rows["items"]["maxItems"] = max(1, min(most_columns, MOST_COLUMNS))
    return schema
