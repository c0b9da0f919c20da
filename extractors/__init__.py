"""How one document becomes records: everything from its bytes to verified facts, without Prefect."""
