"""Answers of a function that is asked the same short texts again and again: words of a page, labels, figures.

In: a pure function of a text (and perhaps further arguments). Out: the same function, which remembers its last answers. What is remembered is bounded
in number and in length, so that a hostile document cannot fill the memory with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

ANSWERS = 8192  # remembered; some twenty pages have that many different words
LONGEST = 128  # characters; a longer text is a sentence, and no sentence comes twice

P = ParamSpec("P")
R = TypeVar("R")


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` with a memory for short texts. Its first argument is the text, its answers must not be changed."""
    known = lru_cache(ANSWERS)(function)

    @wraps(function)
    def answer(*args: P.args, **kwargs: P.kwargs) -> R:
        if len(args[0]) > LONGEST:  # type: ignore[arg-type]
            return function(*args, **kwargs)
        return known(*args, **kwargs)  # type: ignore[arg-type]

    return answer
