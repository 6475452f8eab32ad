"""Commands on a full disk: one clear error, and nothing half-written."""

from __future__ import annotations

import pytest
from live_streams import numbered_stream
from tiny_models import random_model

from onball.errors import OnballError
from onball.models import save_model
from onball.spotting.calibrating import save_with_config
from onball.spotting.exporting import export_model
from onball.spotting.live import LiveSummary, live
from onball.spotting.spotter import Spotter
from onball.video.notices import RecordingStopped

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_recording_ends_with_a_notice_and_the_stream_goes_on(tmp_path, small_disk):
    video = numbered_stream(tmp_path / "match.mp4", 8)
    copy, spotter = tmp_path / "copy.mkv", Spotter(*random_model(), device="cpu")
    with small_disk(4000):
        messages = list(live(video, model=spotter, realtime=False, record=copy))
    (stopped,) = [message for message in messages if isinstance(message, RecordingStopped)]
    assert str(copy) in stopped.reason and "\n" not in stopped.reason
    assert isinstance(messages[-1], LiveSummary) and messages[-1].frames == 100


def test_a_calibrated_model_is_not_half_written(tmp_path, small_disk):
    net, config = random_model()
    save_model(net, config, tmp_path / "model")
    with small_disk(100_000), pytest.raises(OnballError) as raised:
        save_with_config(tmp_path / "model", config, tmp_path / "out")
    assert "cannot be written (File too large)" in str(raised.value) and "\n" not in str(
        raised.value
    )
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
def test_an_export_is_not_half_written(tmp_path, small_disk):
    net, config = random_model()
    save_model(net, config, tmp_path / "model")
    before = sorted(tmp_path.rglob("*"))
    with small_disk(100_000), pytest.raises(OnballError) as raised:
        export_model(tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert sorted(tmp_path.rglob("*")) == before
