"""A perceptual hash: 64 bits that differ in few places for pictures that look alike.

The DCT hash of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1:
the picture in 32 x 32 grey values, its discrete cosine transform, of that the 8 x 8 lowest frequencies that are no
mean, and a bit for each of them that is above their median. It outlives scaling, re-encoding, and changes of
brightness and contrast; not cropping, turning, or mirroring.
"""

import math
from collections.abc import Sequence
from statistics import median
from typing import Final

SIDE: Final = 32
LEAST_CONTRAST: Final = 8
"""Grey values between the darkest and the brightest of the 32 x 32; with less, only noise would be hashed."""

_WAVES: Final = [
    [math.cos(math.pi * frequency * (2 * place + 1) / (2 * SIDE)) for place in range(SIDE)]
    for frequency in range(1, 9)
]


def phash(grey: Sequence[int]) -> str | None:
    """16 hex digits for 32 x 32 values of 0 to 255, row by row from the top; None for a picture without features."""
    if max(grey) - min(grey) < LEAST_CONTRAST:
        return None
    rows = [grey[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE)]
    across = [[sum(map(float.__mul__, wave, map(float, row))) for row in rows] for wave in _WAVES]
    # Vertical frequency by vertical frequency, in each the horizontal ones.
    strengths = [sum(map(float.__mul__, wave, column)) for wave in _WAVES for column in across]
    middle = median(strengths)
    bits = 0
    for strength in strengths:
        bits = bits << 1 | (strength > middle)
    return f"{bits:016x}"
