"""Which fonts draw training pages, and which are kept for testing? Whatever of the known families is installed.

A family belongs to one split only, so that a score on the held-out split is one on letter shapes never seen. Known are families
of these Debian packages: fonts-liberation, fonts-liberation2, fonts-dejavu-core, fonts-dejavu-extra, fonts-freefont-ttf,
fonts-crosextra-carlito, fonts-crosextra-caladea, fonts-lato, fonts-roboto-unhinted, fonts-open-sans, fonts-linuxlibertine,
fonts-urw-base35, fonts-ebgaramond, fonts-cmu, fonts-noto-core, fonts-inter, fonts-cantarell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ImageFont

from extractors.errors import UsageError

Split = Literal["train", "held_out"]
Style = Literal["regular", "bold", "italic"]

FOLDERS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path("~/.local/share/fonts").expanduser(),
)
SUFFIXES = (".ttf", ".otf")
STYLE_SHARE: Mapping[Style, float] = {"regular": 0.74, "bold": 0.18, "italic": 0.08}
FACES = 256  # faces (a file at a size) that stay open: about 30 MB

# Beginning of the file's name, without the style, and how often it is drawn: statements are mostly set in Times, Arial and their like.
FAMILIES: Mapping[Split, Mapping[str, float]] = {
    "train": {
        "LiberationSans": 4, "LiberationSerif": 4, "NimbusSans": 2, "NimbusRoman": 3, "FreeSans": 1, "FreeSerif": 1,
        "LiberationSansNarrow": 1, "NimbusSansNarrow": 0.5, "DejaVuSans": 1, "DejaVuSansCondensed": 1, "DejaVuSerif": 0.7,
        "DejaVuSerifCondensed": 0.7, "Carlito": 2, "Lato": 1, "Roboto": 1, "RobotoCondensed": 0.5, "NotoSans": 1,
        "NotoSerif": 1, "P052": 1, "URWBookman": 0.5, "URWGothic": 0.5, "Inter": 1, "EBGaramond12": 0.7, "cmunrm": 0.5,
        "cmunss": 0.3, "LiberationMono": 0.3, "NimbusMonoPS": 0.2,
    },
    "held_out": {"Caladea": 1, "OpenSans": 1, "C059": 1, "LinLibertine": 1, "LinBiolinum": 1, "Cantarell": 1},
}  # fmt: skip
STYLES: Mapping[str, Style] = {
    "": "regular", "Regular": "regular", "Roman": "regular", "Book": "regular", "Light": "regular", "R": "regular",
    "Medium": "regular", "Bold": "bold", "Demi": "bold", "RB": "bold", "Semibold": "bold", "SemiBold": "bold",
    "Italic": "italic", "Oblique": "italic", "RI": "italic", "BookOblique": "italic", "LightItalic": "italic",
}  # fmt: skip
WITHOUT_ACCENTS = ("EBGaramond12-Bold",)  # files that have no accented letters and no dashes
LIGHT_IS_REGULAR = ("URWBookman",)  # elsewhere Light is too thin for print


@lru_cache(2)
def families(split: Split) -> dict[str, dict[Style, tuple[str, ...]]]:
    """Return the installed families of a split, each with its font files by style. Raises UsageError when none is."""
    found: dict[str, dict[Style, list[str]]] = {}
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix not in SUFFIXES or path.stem in WITHOUT_ACCENTS:
                continue
            family, _, style = re.sub(r"^(Lin[A-Z][a-z]+)_", r"\1-", path.stem).partition("-")
            if family not in FAMILIES[split] or style not in STYLES:
                continue
            if style.startswith("Light") and family not in LIGHT_IS_REGULAR:
                continue
            found.setdefault(family, {}).setdefault(STYLES[style], []).append(str(path))
    if not found:
        raise UsageError(
            "None of the fonts that draw training pages is installed; install fonts-liberation and fonts-open-sans, for example."
        )
    return {
        family: {style: tuple(paths) for style, paths in sorted(styles.items())}
        for family, styles in sorted(found.items())
        if "regular" in styles
    }


@lru_cache(2)
def _shares(split: Split) -> tuple[tuple[str, ...], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    names = tuple(families(split))
    weights = np.array([FAMILIES[split][name] for name in names])
    return names, np.cumsum(weights / weights.sum())


def draw_family(rng: np.random.Generator, split: Split) -> str:
    """Return one installed family of a split."""
    names, reach = _shares(split)
    return names[min(len(names) - 1, int(np.searchsorted(reach, rng.random(), side="right")))]


def draw_style(rng: np.random.Generator) -> Style:
    """Return a style in its share of print."""
    kind = rng.random()
    if kind < STYLE_SHARE["regular"]:
        return "regular"
    return "bold" if kind < STYLE_SHARE["regular"] + STYLE_SHARE["bold"] else "italic"


def font_file(rng: np.random.Generator, split: Split, family: str, style: Style) -> str:
    """Return a file of a family in a style, in its regular one where it has no such style."""
    styles = families(split)[family]
    paths = styles.get(style) or styles["regular"]
    return paths[int(rng.integers(len(paths)))]


@lru_cache(FACES)
def face(path: str, size: int) -> ImageFont.FreeTypeFont:
    """Return an open font at `size` pixels per em."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
