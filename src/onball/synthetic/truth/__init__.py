"""The truth beside the video: tracks, cameras, MOTChallenge text."""
