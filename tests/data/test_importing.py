"""Tags and videos become matches of a data set, with exact times; bad input is one clear line."""

from __future__ import annotations

import json

import av
import numpy as np
import pytest

from onball.actions import Action
from onball.data.importing import import_tags
from onball.data.layout import find_matches, read_splits
from onball.data.matches import require_one_timeline
from onball.errors import InputError, LabelError
from onball.formats.soccernet import read_labels
from onball.formats.tags import Clock
from onball.outputs import OutputConflictError, OutputState
from onball.video.writing import VideoWriter


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two videos of 20 s, as the halves of a match; another with time codes of 29.97 frames."""
    folder = tmp_path_factory.mktemp("videos")
    frame = np.zeros((16, 16, 3), np.uint8)
    for name, fps in (("half_1.mp4", 5), ("half_2.mp4", 5), ("ntsc.mp4", 30000 / 1001)):
        with VideoWriter(folder / name, (16, 16), fps) as writer:
            for _ in range(round(20 * fps)):
                writer.write(frame)
    return folder


@pytest.fixture
def write(tmp_path):
    def write(text, name="tags.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def labels(match):
    """Positions and labels of each part, as they are in its file."""
    return [
        [(event.position_ms, event.label.value, event.half) for event in read_labels(file)]
        for file in (part.folder / "Labels-ball.json" for part in match.parts)
    ]


def test_one_video_becomes_a_match_that_is_found(videos, write, tmp_path):
    tags = write("code,start,team\nPase,2.5,Home\nTiro,10.004,Away\nFuera de juego,11,\n")
    codes = {"pase": "PASS", "Tiro": "SHOT", "Fuera de juego": None}
    match = import_tags(
        tags, [videos / "half_1.mp4"], tmp_path / "data", codes=codes, name="liga/2025/uno"
    )
    assert labels(match) == [[(2500, "PASS", 1), (10_004, "SHOT", 1)]]
    assert match.counts == {Action.PASS: 1, Action.SHOT: 1}
    assert match.ignored == {"Fuera de juego": 1}
    (found,) = find_matches(tmp_path / "data", "train")
    assert found.name == "liga/2025/uno" and found.require_video().name == "half_1.mp4"
    assert found.video.samefile(videos / "half_1.mp4")
    assert (tmp_path / "data" / "classes.txt").read_text() == "PASS\nSHOT\n"
    entry = json.loads(found.require_labels().read_text())["annotations"][0]
    assert (entry["code"], entry["team_name"]) == ("Pase", "Home")


def test_period_clocks_become_video_times_by_kickoffs(videos, write, tmp_path):
    tags = write("period,time,code\n1,0,PASS\n1,5.5,SHOT\n2,0,PASS\n2,4.25,GOAL\n")
    match = import_tags(
        tags, [videos / "half_1.mp4"], tmp_path / "data", kickoffs_s={1: 1.5, 2: 12}
    )
    expected = [(1500, "PASS", 1), (7000, "SHOT", 1), (12_000, "PASS", 2), (16_250, "GOAL", 2)]
    assert labels(match) == [expected]
    require_one_timeline(
        videos / "half_1.mp4", tags, read_labels(match.parts[0].folder / "Labels-ball.json")
    )


def test_a_match_clock_begins_the_second_half_at_45_minutes(videos, write, tmp_path):
    tags = write("half,minute,second,code\n1,0,2,PASS\n2,45,3,SHOT\n")
    match = import_tags(tags, [videos / "half_1.mp4"], tmp_path / "data", kickoffs_s={1: 1, 2: 12})
    assert labels(match) == [[(3000, "PASS", 1), (15_000, "SHOT", 2)]]


def test_a_video_for_each_half_has_its_own_times(videos, write, tmp_path):
    tags = write("period,time,code\n1,0,PASS\n1,15,SHOT\n2,0,PASS\n2,17,GOAL\n")
    halves = [videos / "half_1.mp4", videos / "half_2.mp4"]
    match = import_tags(
        tags, halves, tmp_path / "data", kickoffs_s={1: 1, 2: 2.5}, name="m", split="test"
    )
    assert labels(match) == [
        [(1000, "PASS", 1), (16_000, "SHOT", 1)],
        [(2500, "PASS", 2), (19_500, "GOAL", 2)],
    ]
    names = [found.name for found in find_matches(tmp_path / "data", "test")]
    assert names == ["m/1", "m/2"] and read_splits(tmp_path / "data")["test"] == ("m/1", "m/2")


def test_chapters_follow_each_other(videos, write, tmp_path):
    tags = write("start,code\n3,PASS\n19.5,SHOT\n21,PASS\n39,GOAL\n")
    chapters = [videos / "half_1.mp4", videos / "half_2.mp4"]
    match = import_tags(tags, chapters, tmp_path / "data", name="m")
    assert labels(match) == [
        [(3000, "PASS", 1), (19_500, "SHOT", 1)],
        [(1000, "PASS", 1), (19_000, "GOAL", 1)],
    ]


def test_labels_of_soccernets_halves_need_no_kickoff(videos, write, tmp_path):
    entries = [("1 - 0:09", "Goal", 9000), ("2 - 0:01", "Corner", 1500)]
    annotations = [
        {"gameTime": time, "label": label, "position": str(position), "visibility": "not shown"}
        for time, label, position in entries
    ]
    tags = write(json.dumps({"annotations": annotations}), "Labels-v2.json")
    halves = [videos / "half_1.mp4", videos / "half_2.mp4"]
    match = import_tags(
        tags, halves, tmp_path / "data", codes={"goal": "GOAL", "corner": "corner"}, name="m"
    )
    assert [[event.position_ms for event in part.events] for part in match.parts] == [
        [9000],
        [1500],
    ]
    assert (tmp_path / "data" / "classes.txt").read_text() == "GOAL\ncorner\n"
    assert not match.parts[0].events.events[0].visible


def test_markers_of_periods_give_the_halves(videos, write, tmp_path):
    tags = write("code,start,end\n1H,0,9\n2H,10,20\nPASS,3,\nPASS,15,\n")
    match = import_tags(tags, [videos / "half_1.mp4"], tmp_path / "data")
    assert labels(match) == [[(3000, "PASS", 1), (15_000, "PASS", 2)]]


def test_actions_are_at_a_part_of_their_clip_and_codes_have_offsets(videos, write, tmp_path):
    tags = write("code,start,end\na,2,10\nb,3,5\n")
    codes = tmp_path / "codes.yaml"
    codes.write_text("a: PASS\nb: {action: SHOT, offset_s: -0.75}\n")
    times = {}
    for place in ("start", "middle", "end"):
        match = import_tags(
            tags, [videos / "half_1.mp4"], tmp_path / place, codes=codes, place=place
        )
        times[place] = [event.position_ms for event in match.parts[0].events]
    assert times == {"start": [2000, 2250], "middle": [3250, 6000], "end": [4250, 10_000]}


def test_drop_frame_time_codes_get_the_rate_of_the_video(videos, write, tmp_path):
    tags = write('code,start\nPASS,"00:00:10;00"\nSHOT,00:00:15:15\n')
    match = import_tags(tags, [videos / "ntsc.mp4"], tmp_path / "data")
    assert labels(match) == [[(10_010, "PASS", 1), (15_516, "SHOT", 1)]]


def test_duplicates_are_left_out_and_counted(videos, write, tmp_path):
    tags = write("code,start\nPASS,3\npass,3\nPASS,3.0004\nSHOT,3\nPASS,3.5\n")
    match = import_tags(tags, [videos / "half_1.mp4"], tmp_path / "data")
    assert match.duplicates == 2
    assert labels(match) == [[(3000, "PASS", 1), (3000, "SHOT", 1), (3500, "PASS", 1)]]


def test_a_match_is_imported_once_and_keeps_edits(videos, write, tmp_path):
    tags, video = write("code,start\nPASS,3\n"), [videos / "half_1.mp4"]
    root = tmp_path / "data"
    assert import_tags(tags, video, root).parts[0].state is OutputState.MISSING
    assert import_tags(tags, video, root).parts[0].state is OutputState.DONE
    tags.write_text("code,start\nPASS,4\n")
    with pytest.raises(OutputConflictError, match="--overwrite replaces them"):
        import_tags(tags, video, root)
    assert import_tags(tags, video, root, overwrite=True).parts[0].state is OutputState.MISSING
    file = root / "half_1" / "Labels-ball.json"
    file.write_text(file.read_text().replace("4000", "4100"))
    assert import_tags(tags, video, root).parts[0].state is OutputState.EDITED
    assert [event.position_ms for event in read_labels(file)] == [4100]
    with pytest.raises(InputError, match="is of the split 'train', not 'test'"):
        import_tags(tags, video, root, split="test", overwrite=True)
    assert [path.name for path in root.iterdir() if path.is_dir()] == ["half_1"]


def test_classes_grow_with_further_matches(videos, write, tmp_path):
    root, video = tmp_path / "data", [videos / "half_1.mp4"]
    tags = write("code,start\na,3\nb,4\n")
    import_tags(tags, video, root, codes={"a": "SHOT", "b": "counter"}, name="one")
    (root / "classes.txt").write_text("# ours\nSHOT\ncounter, #e4572e\n")
    import_tags(tags, video, root, codes={"a": "PASS", "b": "press"}, name="two")
    assert (root / "classes.txt").read_text() == "# ours\nSHOT\ncounter, #e4572e\nPASS\npress\n"


def test_videos_of_other_containers_are_found_and_linked_again(videos, write, tmp_path):
    video = tmp_path / "camera.ts"
    with av.open(str(videos / "half_1.mp4")) as source, av.open(str(video), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    tags, root = write("code,start\nPASS,3\n"), tmp_path / "data"
    import_tags(tags, [video], root)
    (found,) = find_matches(root, "train")
    assert found.require_video().name == "camera.ts"
    found.video.unlink()
    assert import_tags(tags, [video], root, copy=True).parts[0].state is OutputState.DONE
    assert found.video.read_bytes() == video.read_bytes() and not found.video.samefile(video)


def test_all_actions_need_no_list_of_classes(videos, write, tmp_path):
    import_tags(write("code,start\nPASS,3\n"), [videos / "half_1.mp4"], tmp_path / "data")
    assert not (tmp_path / "data" / "classes.txt").exists()


HALF = "half_1.mp4"
PERIODS = "period,time,code\n1,0,PASS\n1,9,SHOT\n2,0,PASS\n2,4,GOAL\n"
BAD = {
    "no kick-offs": (PERIODS, [HALF], {}, "give that of period 1 in the video, --kickoff 1="),
    "kick-offs for times of the video": (
        "code,start\nPASS,3\n",
        [HALF],
        {"kickoffs_s": {1: 0}},
        "its times are those of the video, for which kick-offs have no use",
    ),
    "no period": (
        "code,start\nPASS,3\n",
        [HALF],
        {"clock": "period", "kickoffs_s": {1: 0, 2: 10}},
        "row 2: its period is not known",
    ),
    "a name that leaves the folder": (
        "code,start\nPASS,3\n",
        [HALF],
        {"name": "../x"},
        "be the name",
    ),
    "an unknown split": ("code,start\nPASS,3\n", [HALF], {"split": "dev"}, "unknown split 'dev'"),
    "an unknown clock": ("code,start\nPASS,3\n", [HALF], {"clock": "wall"}, "unknown clock 'wall'"),
    "an unknown format": ("code,start\nPASS,3\n", [HALF], {"format": "edI"}, "did you mean 'edl'?"),
    "an unknown part of a clip": ("code,start\nPASS,3\n", [HALF], {"place": "top"}, "choose start"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line_and_leaves_nothing(videos, write, tmp_path, case):
    text, names, options, message = BAD[case]
    with pytest.raises(InputError) as raised:
        import_tags(write(text), [videos / name for name in names], tmp_path / "data", **options)
    assert message in str(raised.value) and "\n" not in str(raised.value)
    assert not (tmp_path / "data").exists()


def test_tags_without_any_in_the_video_are_an_error(videos, write, tmp_path):
    with pytest.raises(LabelError, match="no tag is left"):
        import_tags(
            write("code,start\nPASS,99\n"), [videos / HALF], tmp_path / "data", skip_outside=True
        )


def test_the_clock_may_be_given(videos, write, tmp_path):
    tags = write("code,start\nPASS,3\n")
    match = import_tags(
        tags, [videos / HALF], tmp_path / "data", clock=Clock.PERIOD, kickoffs_s={1: 4.5}
    )
    assert labels(match) == [[(7500, "PASS", 1)]]


def test_the_command_imports_prints_a_draft_and_lists_unknown_codes(
    videos, write, tmp_path, onball
):
    tags, root = write("half,time,code\n1,2,Pase\n1,9,Saque\n2,1,Pase\n"), tmp_path / "data"
    code, draft, _ = onball("data", "import", tags, "--suggest-map")
    assert code == 0 and "Pase: PASS  # 2" in draft and 'Saque: "?"  # 1' in draft
    options = ["--video", videos / HALF, "--kickoff", "1=0:00", "2=0:00:12.5", "--out", root]
    code, _, error = onball("data", "import", tags, *options)
    assert code == 2 and "'Pase' (2), 'Saque' (1)" in error and not root.exists()
    codes = write(draft.replace('"?"', "null"), "codes.yaml")
    code, shown, error = onball("data", "import", tags, *options, "--map", codes)
    assert code == 0, error
    assert (
        "2 labels beside half_1.mp4, written" in shown
        and "left out by the code map: 'Saque' 1" in shown
    )
    assert [event.position_ms for event in read_labels(root / "half_1" / "Labels-ball.json")] == [
        2000,
        13_500,
    ]
    assert onball("data", "check", root)[0] in (0, 1)
    code, _, error = onball("data", "import", tags, "--kickoff", "5=1", *options)
    assert code == 2 and "not of the form 1=00:03:12.4" in error


def test_several_videos_follow_one_option(videos, write, tmp_path, onball):
    tags = write("start,code\n3,PASS\n21,PASS\n")
    both = [videos / "half_1.mp4", videos / "half_2.mp4"]
    code, shown, error = onball(
        "data",
        "import",
        tags,
        "--video",
        *both,
        "--out",
        tmp_path / "data",
        "--columns",
        "code=code",
    )
    assert code == 0, error
    assert "half_1/2: 1 label beside half_2.mp4" in shown.replace("\\", "/")
