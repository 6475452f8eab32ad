"""Times of a stream over restarts of its clock and of the connection, and times at which it is due."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from onball.video.notices import StreamGap
from onball.video.stream_clock import Backoff, FirstBurst, PlayoutClock, StreamClock


def times(clock: StreamClock, frames) -> list:
    """Times, or gaps with the time after them, of frames (timestamp in ms, received in s, reason)."""
    found = []
    for pts_ms, received_s, *reason in frames:
        timed = clock.time_of(Fraction(pts_ms), received_s, *reason)
        found.append(None if timed is None else (timed[1], timed[0]) if timed[1] else timed[0])
    return found


def test_times_begin_at_0_and_follow_the_timestamps():
    frames = [(90_000_040 + 40 * i, 5 + 0.04 * i) for i in range(4)]
    assert times(StreamClock(), frames) == [0, 40, 80, 120]


def test_jitter_of_the_network_makes_no_difference():
    frames = [(0, 0.0), (40, 3.0), (80, 3.0), (120, 3.01)]
    assert times(StreamClock(), frames) == [0, 40, 80, 120]


def test_a_frame_that_is_not_after_the_last_one_is_left_out():
    assert times(StreamClock(), [(0, 0), (80, 0.08), (40, 0.09), (80, 0.1), (120, 0.12)]) == [
        0,
        80,
        None,
        None,
        120,
    ]


def test_a_connection_whose_timestamps_go_on_continues_exactly():
    clock = StreamClock()
    times(clock, [(1000, 10.0), (1040, 10.04)])
    gap = StreamGap(40, 6640, "connection reset")
    assert times(clock, [(7640, 16.9, "connection reset"), (7680, 16.94)]) == [(gap, 6640), 6680]


def test_a_connection_whose_timestamps_begin_again_continues_by_the_time_that_passed():
    clock = StreamClock()
    times(clock, [(500_000, 10.0), (500_040, 10.04)])
    gap = StreamGap(40, 8040, "the stream ended")
    assert times(clock, [(0, 18.04, "the stream ended"), (40, 18.08)]) == [(gap, 8040), 8080]


def test_timestamps_that_jump_without_a_pause_leave_no_hole():
    clock = StreamClock()
    times(clock, [(0, 0.0), (40, 0.04)])
    for jump in (3_600_000, -86_400_000):
        before = clock.time_ms
        (found,) = times(clock, [(before + jump, float(before) / 1000 + 0.04)])
        assert found == (
            StreamGap(round(before), round(before) + 40, "timestamps jumped"),
            before + 40,
        )


def test_frames_that_are_missing_in_both_clocks_are_a_gap():
    clock = StreamClock()
    times(clock, [(0, 0.0), (40, 0.04)])
    assert times(clock, [(9040, 9.1)]) == [(StreamGap(40, 9040, "no frames"), 9040)]


def test_times_never_stand_still():
    clock = StreamClock()
    times(clock, [(0, 5.0)])
    ((gap, time_ms),) = times(clock, [(0, 5.0, "lost")])
    assert time_ms == 1 and gap == StreamGap(0, 1, "lost")


def test_a_burst_is_due_in_real_time_and_what_arrives_late_is_due_at_once():
    clock = PlayoutClock()
    burst = [clock.due(Fraction(i), 100.0) for i in range(4)]
    assert burst[0] == 100 and 2.5 < burst[3] - 100 < 3, "slightly faster than real time"
    assert clock.due(Fraction(4), 110.0) == 110


def test_after_a_delay_the_play_out_returns_to_the_live_edge():
    clock = PlayoutClock()
    clock.due(Fraction(0), 0.0)
    late = clock.due(Fraction(1), 3.0)
    assert late == 3
    for second in range(2, 40):
        due = clock.due(Fraction(second), float(second))
        assert second <= due <= second + 2
    assert due == 39


def test_a_clock_that_was_set_does_not_delay_what_is_due():
    clock = PlayoutClock()
    clock.due(Fraction(0), 0.0)
    assert clock.due(Fraction(90_000), 1.0) == 1
    assert clock.due(Fraction(5), 2.0) == 2


def test_waits_double_up_to_a_limit_and_begin_again():
    backoff = Backoff(0.5, 3.0)
    assert [backoff.next() for _ in range(5)] == [0.5, 1, 2, 3, 3]
    backoff.reset()
    assert backoff.next() == 0.5


def test_packets_of_the_first_burst_arrived_before_they_were_received():
    burst, arrived = FirstBurst[int](), []
    for i in range(100):  # three seconds at once, then in real time
        received_s = 50 + max(0.0, 0.04 * (i - 75))
        arrived += burst.push(i, Fraction(i, 25), received_s)
    assert [item for _, item in arrived] == list(range(100))
    assert np.allclose([at_s for at_s, _ in arrived], 50 + 0.04 * (np.arange(100) - 75), atol=1e-9)


def test_a_stream_without_a_burst_arrives_when_it_is_received():
    burst = FirstBurst[int]()
    arrived = [pair for i in range(20) for pair in burst.push(i, Fraction(i, 25), 7 + i / 25)]
    assert np.allclose([at_s for at_s, _ in arrived], 7 + np.arange(20) / 25)
    short = FirstBurst[str]()
    assert short.push("a", Fraction(0), 3.0) == [] and short.finish() == [(3.0, "a")]
