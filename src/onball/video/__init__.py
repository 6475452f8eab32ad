"""Reading, writing and cutting of video with exact times."""

from onball.frames import FrameBatch
from onball.video.cutting import VideoCut, cut_video
from onball.video.inputs import find_videos
from onball.video.proxies import find_proxy, make_proxy
from onball.video.reading import (
    Channels,
    VideoInfo,
    probe,
    read_frames,
    read_windows,
    sample_frames,
)
from onball.video.writing import VideoWriter

__all__ = [
    "Channels",
    "FrameBatch",
    "VideoCut",
    "VideoInfo",
    "VideoWriter",
    "cut_video",
    "find_proxy",
    "find_videos",
    "make_proxy",
    "probe",
    "read_frames",
    "read_windows",
    "sample_frames",
]
