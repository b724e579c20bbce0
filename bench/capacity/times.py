"""Times of many pictures, kept as a histogram of tenths of a second."""

from collections import Counter


class Times:
    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.count = 0

    def add(self, seconds: float, count: int) -> None:
        self._counts[round(seconds * 10)] += count
        self.count += count

    def percentile(self, share: float) -> float:
        """Seconds that this share of the pictures took at most; 0 without pictures."""
        left = share * self.count
        for tenths in sorted(self._counts):
            left -= self._counts[tenths]
            if left <= 0:
                return tenths / 10
        return 0.0
