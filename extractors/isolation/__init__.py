"""Reading in processes that can be ended."""
