"""The contracts: what comes out of Parquetry, as Pydantic models and their Arrow twins. Pure; imports nothing of ours."""
