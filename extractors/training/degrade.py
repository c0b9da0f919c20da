"""What do printing, copying and scanning do to a clean image? Blur, grain, thresholds, JPEG, specks, fax lines, skew.

In: grey pixels (uint8, paper bright), a random generator, and a strength from 0 (nothing) to 1 (a poor scan). Out: grey pixels of
the same shape. A strength below 1 lowers both how often a flaw comes and how strong it is, for a curriculum.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

CLEAN_SHARE = 0.25  # of images that stay as they were drawn, whatever the strength
LEAST_LEVEL = 0.4  # of the way from ink to paper, of a threshold
GRAIN_KEPT_OUT = 3.0  # times the distance between the grey that 20 % and that 60 % of an image do not reach
MOST_SKEW = 1.0  # degrees, of a page; what is left in a strip after a page was straightened is far less
MOST_STRIP_SKEW = 0.2  # degrees


def skew(image: Grey, degrees: float) -> Grey:
    """Turn an image about its middle (clockwise positive), its own paper where nothing was."""
    high, wide = image.shape
    matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), -degrees, 1.0)
    paper = float(np.median(image[::4, ::4]))
    return np.asarray(
        cv2.warpAffine(image, matrix, (wide, high), flags=cv2.INTER_LINEAR, borderValue=paper), np.uint8
    )


def blur(image: Grey, sigma: float) -> Grey:
    """Soften by a Gaussian of `sigma` pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def fade(image: Grey, ink: float, paper: float) -> Grey:
    """Press black to `ink` and white to `paper` (grey levels)."""
    return np.asarray(cv2.convertScaleAbs(image, alpha=(paper - ink) / 255, beta=ink), np.uint8)


def grain(image: Grey, rng: np.random.Generator, deviation: float) -> Grey:
    """Add noise of a standard deviation in grey levels."""
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(deviation)
    return np.asarray(np.clip(image + noise, 0, 255), np.uint8)


def bilevel(image: Grey, level: float) -> Grey:
    """Turn what is darker than `level` black and the rest white (0 is the ink's grey, 1 the paper's).

    Like a scanner's own threshold it keeps away from the grain of the paper.
    """
    ink, grainy, paper = np.percentile(image[::2, ::2], (2, 20, 60))
    clear = max(ink + LEAST_LEVEL * (paper - ink), paper - GRAIN_KEPT_OUT * (paper - grainy))
    edge = min(ink + level * (paper - ink), clear)
    return np.asarray(cv2.threshold(image, edge, 255, cv2.THRESH_BINARY)[1], np.uint8)


def fine_bilevel(image: Grey, level: float) -> Grey:
    """Threshold at twice the resolution and scale back, as a black and white scan looks at the reader's size."""
    high, wide = image.shape
    double = np.asarray(cv2.resize(image, (2 * wide, 2 * high), interpolation=cv2.INTER_CUBIC), np.uint8)
    return np.asarray(
        cv2.resize(bilevel(double, level), (wide, high), interpolation=cv2.INTER_AREA), np.uint8
    )


def jpeg(image: Grey, quality: int) -> Grey:
    """Write as JPEG and read back."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def coarse(image: Grey, factor: float) -> Grey:
    """Lower the resolution by `factor` and bring it back, as an image that was scanned small."""
    high, wide = image.shape
    small = cv2.resize(
        image, (max(8, int(wide / factor)), max(8, int(high / factor))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR), np.uint8)


def specks(image: Grey, rng: np.random.Generator, n: int, most_radius: int = 1) -> Grey:
    """Put `n` specks of dust on the paper, and a few of white into the ink."""
    out = image.copy()
    high, wide = image.shape
    for _ in range(n):
        at = int(rng.integers(0, wide)), int(rng.integers(0, high))
        grey = 255 if rng.random() < 0.25 else int(rng.integers(0, 140))
        cv2.circle(out, at, int(rng.integers(0, most_radius + 1)), grey, -1)
    return out


def fax_lines(image: Grey, rng: np.random.Generator, n: int) -> Grey:
    """Lose or blacken `n` thin lines across the image, as a fax or a dirty sensor does."""
    out = image.copy()
    high, wide = image.shape
    for _ in range(n):
        if rng.random() < 0.5:
            x = int(rng.integers(0, wide))
            out[:, x : x + 1] = int(rng.integers(60, 256))
        else:
            y, x = int(rng.integers(0, high)), int(rng.integers(0, wide))
            out[y : y + 1, x : x + int(rng.integers(wide // 8, wide))] = int(rng.integers(120, 256))
    return out


def weight(image: Grey, bolder: bool) -> Grey:
    """Let ink spread or shrink by about half a pixel."""
    kernel = np.ones((2, 2), np.uint8)
    moved = cv2.erode(image, kernel) if bolder else cv2.dilate(image, kernel)
    return np.asarray(cv2.addWeighted(image, 0.5, moved, 0.5, 0), np.uint8)


def degrade(
    image: Grey, rng: np.random.Generator, strength: float = 1.0, most_skew: float = MOST_STRIP_SKEW
) -> Grey:
    """Return the image as it comes out of print and scanner: a random few of the flaws, in the order in which they happen."""
    if strength <= 0 or rng.random() < CLEAN_SHARE:
        return image
    chance = rng.random(9)
    amount = rng.random(9) * strength
    if chance[0] < 0.2 * strength:
        image = weight(image, bool(rng.random() < 0.6))
    if chance[1] < 0.5 * strength:
        image = skew(image, float(rng.uniform(-1, 1)) * most_skew * strength)
    if chance[2] < 0.25 * strength:
        image = coarse(image, 1.0 + 0.7 * float(amount[2]))
    if chance[3] < 0.5 * strength:
        image = blur(image, 0.35 + 0.6 * float(amount[3]))
    if chance[4] < 0.5 * strength:
        image = fade(image, 90 * float(amount[4]), 255 - 45 * float(amount[0]))
    if chance[5] < 0.5 * strength:
        image = grain(image, rng, 2 + 14 * float(amount[5]))
    if chance[6] < 0.25 * strength:
        level = 0.72 + 0.16 * float(rng.uniform(-1, 1)) * strength
        image = bilevel(image, level) if rng.random() < 0.2 else fine_bilevel(image, level)
    if chance[7] < 0.3 * strength:
        image = specks(image, rng, 1 + int(image.size / 2500 * amount[7]))
    if chance[8] < 0.05 * strength:
        image = fax_lines(image, rng, 1)
    if rng.random() < 0.3 * strength:
        image = jpeg(image, int(92 - 55 * float(amount[1])))
    return image
