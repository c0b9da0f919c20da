"""Compaction as a Prefect flow, for the deployment that follows the nightly run.

In: an output root. Out: the copy of its datasets in few large files, and an artifact that says what was done.
"""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from pydantic import Field

from extractors.errors import ParquetryError
from flows.compact import FOLDER, compact, told
from flows.datasets import Datasets


@flow(name="parquetry-compact", flow_run_name="{out}", persist_result=False)
def compact_output(
    out: Annotated[
        str, Field(description="Output root of earlier runs: a path, or a URL such as s3://bucket/out.")
    ],
    wait: Annotated[float, Field(ge=0, description="Seconds to wait for another compaction.")] = 3600.0,
) -> State[Any]:
    """Bring the copy of an output's datasets in few large files up to date, while runs write and readers read."""
    try:
        done = compact(Datasets(out), wait=wait)
    except ParquetryError as error:
        return Failed(message=str(error))
    get_run_logger().info(told(done))
    figures = [
        {"what": "documents", "count": done.documents},
        {"what": "files per dataset written anew", "count": done.rewritten},
        {"what": "files per dataset left as they were", "count": done.unchanged},
        {"what": "documents held back until they are whole", "count": len(done.held_back)},
        {"what": "seconds", "count": round(done.seconds, 1)},
    ]
    create_table_artifact(figures, key="compaction", description=f"{out}/{FOLDER}")
    return Completed(message=told(done))
