"""Which of the boxes that were taken for a ball is the ball, and where it is while it is out of sight.

Detectors take much for a ball. Of all boxes those are believed that make the best path: each adds how
well it was seen and followed, less a price that keeps out what is hardly seen; a leap that no ball could
have made costs. So a false ball far away is passed over, and where all are false there is none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.tracking.arrays import Floats

#: A ball whose track lasts this long, in frames, is believed as much more as a point of score is.
_LASTING_FRAMES, _LASTING_SCORE = 12, 0.3
#: A ball that is believed less than this is none, however well it fits.
_PRICE = 0.45
#: A ball that moves farther between sightings than this, in picture widths, and this for each second
#: between, has leapt. (The fastest true ones of the simulated matches stay below.)
_REACH, _REACH_PER_S = 0.03, 1.2
#: What a leap costs for each picture width beyond that, and at most.
_LEAP_COST, _MOST_COST = 5.0, 0.4
#: Sightings farther apart than this say nothing about each other, in seconds.
_MEMORY_S = 1.0


def believed(
    frame: NDArray[np.int64],
    times_s: Floats,
    shot: NDArray[np.int64],
    places: Floats,
    ids: NDArray[np.int64],
    scores: Floats,
) -> NDArray[np.int64]:
    """The rows that are the ball, at most one for each frame, in order of time.

    Args:
        frame: `[N]`, ascending: in which frame each box is.
        times_s: `[T]`, when each frame is shown.
        shot: `[T]`, in which shot each frame is: from one to the next a ball may be anywhere.
        places: `[N, 2]`, in picture widths.
        ids: `[N]`, track of each; below 0 for none.
        scores: `[N]`, the detector's.
    """
    count = len(frame)
    if not count:
        return np.zeros(0, np.int64)
    _, inverse, lengths = np.unique(ids, return_inverse=True, return_counts=True)
    followed = np.where(ids < 0, 1, lengths[inverse])
    gain = scores + _LASTING_SCORE * np.minimum(followed / _LASTING_FRAMES, 1) - _PRICE
    times, shots = times_s[frame], shot[frame]
    first_of_frame = np.searchsorted(frame, frame)
    first_related = np.maximum(
        np.searchsorted(times, times - _MEMORY_S), np.searchsorted(shots, shots)
    )
    # The best path that ends with each row, its row before, and the best end up to each row.
    best, before = np.zeros(count), np.full(count, -1)
    best_end = np.zeros(count, np.int64)
    for row in range(count):
        old, new = int(first_related[row]), int(first_of_frame[row])
        value, previous = 0.0, -1
        if old and best[best_end[old - 1]] > 0:  # long ago: it costs nothing to have been elsewhere
            previous = int(best_end[old - 1])
            value = best[previous]
        if new > old:
            way = np.hypot(*(places[row] - places[old:new]).T)
            beyond = way - _REACH - _REACH_PER_S * (times[row] - times[old:new])
            values = best[old:new] - np.clip(_LEAP_COST * beyond, 0, _MOST_COST)
            chosen = int(values.argmax())
            if values[chosen] > value:
                value, previous = values[chosen], old + chosen
        best[row], before[row] = value + gain[row], previous
        ends_before = row and best[best_end[row - 1]] >= best[row]
        best_end[row] = best_end[row - 1] if ends_before else row
    path = []
    row = int(best_end[-1]) if best[best_end[-1]] > 0 else -1
    while row >= 0:
        path.append(row)
        row = int(before[row])
    return np.array(path[::-1], np.int64)


def without_short_gaps(
    ball: Floats, times_ms: NDArray[np.int64], shot: NDArray[np.int64], longest_ms: int
) -> Floats:
    """The ball `[T, F]` with gaps within a shot filled along straight lines, if they are that short."""
    seen = np.isfinite(ball[:, 0])
    known = np.flatnonzero(seen)
    if len(known) < 2:
        return ball
    filled = ball.copy()
    hidden = np.flatnonzero(~seen)
    after = np.searchsorted(known, hidden)
    inside = (after > 0) & (after < len(known))
    hidden, after = hidden[inside], after[inside]
    left, right = known[after - 1], known[after]
    short = (times_ms[right] - times_ms[left] <= longest_ms) & (shot[left] == shot[right])
    hidden, left, right = hidden[short], left[short], right[short]
    share = ((times_ms[hidden] - times_ms[left]) / (times_ms[right] - times_ms[left]))[:, None]
    filled[hidden] = ball[left] * (1 - share) + ball[right] * share
    return filled
