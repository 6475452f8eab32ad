"""Exact-time reading, writing and cutting of video."""

from onball.video.cut import cut_video
from onball.video.probe import VideoInfo, probe
from onball.video.reader import FrameBatch, read_frames
from onball.video.writer import VideoWriter

__all__ = ["FrameBatch", "VideoInfo", "VideoWriter", "cut_video", "probe", "read_frames"]
