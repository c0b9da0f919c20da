"""Run one of llama.cpp's converters in a process of its own: `python -P -m extractors.training.launch SOURCE SCRIPT PRE arguments …`.

SOURCE is the folder of the pinned llama.cpp, SCRIPT a converter in it. Its own `gguf` package comes before any installed one. PRE names
the pre-tokeniser for a tokeniser that the converter does not know by its hash; "-" leaves the choice to it.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path
from typing import Any


def launch(source: Path, script: str, pre: str, arguments: list[str]) -> None:
    """Run a converter in this process, as if it had been started by hand."""
    sys.path[:0] = [str(source), str(source / "gguf-py")]
    base = importlib.import_module("conversion.base")
    if pre != "-":
        base.TextModel.get_vocab_base_pre = lambda self, tokenizer: pre
    # Without SentencePiece installed the converter stops where it should look for another kind of tokeniser.
    base.TextModel._set_vocab_sentencepiece = _no_sentencepiece
    sys.argv = [str(source / script), *arguments]
    runpy.run_path(str(source / script), run_name="__main__")


def _no_sentencepiece(*_: Any, **__: Any) -> None:
    raise FileNotFoundError("a Qwen model has no SentencePiece tokeniser")


if __name__ == "__main__":
    launch(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
