"""`onball data download`: output, exit codes and instructions."""

from __future__ import annotations

from tiny_hub import REPO, archive

from onball.data.layout import OFFICIAL_SPLITS


def test_named_splits_are_downloaded_and_their_folder_is_printed(hub, onball, tmp_path):
    hub.files["valid.zip"] = archive({f"{OFFICIAL_SPLITS['valid'][0]}/224p.mp4": b"video"})
    arguments = ("data", "download", "--out", tmp_path, "--endpoint", hub.address)
    code, output, error_output = onball(*arguments, "--split", "train, valid")
    assert code == 0, error_output
    lines = output.splitlines()
    assert lines == [
        f"train: complete, 4 matches in {tmp_path}",
        f"valid: complete, 1 match in {tmp_path}",
    ]
    assert "for research only" in error_output and "data check" in error_output
    code, output, _ = onball(*arguments, "--split", "train")
    assert code == 0 and output == f"train: already complete, 4 matches in {tmp_path}\n"


def test_refused_access_is_followed_by_instructions(hub, onball, tmp_path, monkeypatch):
    hub.refusal = (403, "GatedRepo")
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    code, _, error_output = onball("data", "download", "--out", tmp_path)
    assert code == 1 and "Traceback" not in error_output
    assert error_output.splitlines()[-1].startswith("error: ") and "access refused" in error_output
    assert "non-disclosure agreement" in error_output and "hf auth login" in error_output
    assert (
        f"ask for access on the page of the data set: {hub.address}/datasets/{REPO}" in error_output
    )


def test_an_unknown_split_is_an_error_that_names_the_known_ones(onball, tmp_path):
    code, _, error_output = onball("data", "download", "--out", tmp_path, "--split", "train,val")
    assert code == 2 and "unknown split 'val': choose train, valid, test, challenge" in error_output
