"""Reading, writing and cutting of video with exact times."""

from onball.frames import FrameBatch
from onball.video.inputs import find_videos
from onball.video.reading import (
    Channels,
    VideoInfo,
    probe,
    read_frames,
    read_windows,
    sample_frames,
)
from onball.video.writing import VideoWriter, cut_video

__all__ = [
    "Channels",
    "FrameBatch",
    "VideoInfo",
    "VideoWriter",
    "cut_video",
    "find_videos",
    "probe",
    "read_frames",
    "read_windows",
    "sample_frames",
]
