"""`onball demo` and `onball doctor`."""

from __future__ import annotations


def test_demo_spots_the_sample_match_and_shows_its_metrics(onball, tmp_path):
    code, shown, error = onball("demo", "--out", tmp_path)
    assert code == 0, error
    assert "mAP10" in shown and "onball spot" in shown
    for name in ("results_spotting.json", "events.csv", "timeline.png"):
        assert (tmp_path / name).stat().st_size > 200, name
    assert (tmp_path / "timeline.png").read_bytes().startswith(b"\x89PNG")


def test_doctor_finds_a_complete_installation(onball):
    code, shown, _ = onball("doctor")
    assert code == 0
    for word in ("torch", "h264", "writable", "demo model"):
        assert word in shown
