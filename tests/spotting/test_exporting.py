"""Exports of a saved model, and the runtimes that read them."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from tiny_models import random_model

from onball.assets import demo_model, sample_match
from onball.cli.export import parity_text
from onball.config import ComponentConfig, SavedModelConfig
from onball.errors import InputError, ModelError, OnballError, OnballNotice
from onball.models import SpottingNet, build_model, load_model, save_model
from onball.models.runtimes.quantising import quantise
from onball.models.runtimes.records import (
    Parity,
    cached_exports,
    copy_files,
    find_export,
    net_digest,
    package_versions,
)
from onball.models.runtimes.sessions import OnnxSession, OpenVinoSession
from onball.outputs import OutputLockedError, output_lock
from onball.spotting.calibrating import save_with_config
from onball.spotting.exporting import export_demo, export_model, require_parity
from onball.spotting.runtimes import open_runtime
from onball.spotting.spotter import Spotter

pytestmark = pytest.mark.medium


@pytest.fixture(scope="module")
def exported(make_once, tmp_path_factory) -> Path:
    """Folder of a saved model with an ONNX export."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("exported") / "model"
        backbone = ComponentConfig(name="test_resnet", pretrained=False, neighbours=1)
        save_model(*random_model(backbone=backbone), folder)
        export_model(folder)
        export_model(folder, format="openvino")
        return folder

    return make_once("exported", make)


@pytest.fixture
def model(exported, tmp_path, monkeypatch) -> Path:
    """A copy of it that a test may change."""
    monkeypatch.delenv("ONBALL_RUNTIME", raising=False)
    return Path(shutil.copytree(exported, tmp_path / "model"))


def frames(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 36, 64, 3), np.uint8)


def opened(model: Path, runtime: str):
    net, config = load_model(model, "spotting")
    return open_runtime(model, net, config, runtime, device="cpu", precision="32")


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_runtimes_compute_what_pytorch_computes_for_any_number_of_frames(exported, runtime):
    wanted, found = (opened(exported, name).compute for name in ("torch", runtime))
    assert (found.context, found.layout) == (wanted.context, wanted.layout)
    for count in (1, 2, 33):
        features = wanted.features(frames(count))
        assert np.ptp(features) > 0.1
        np.testing.assert_allclose(found.features(frames(count)), features, atol=1e-5)
        outputs = wanted.outputs(features[None])
        np.testing.assert_allclose(found.outputs(features[None]), outputs, atol=1e-6)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_threads_that_share_a_runtime_get_the_results_of_one_thread(exported, runtime):
    compute = opened(exported, runtime).compute
    clips = [frames(count) for count in (3, 5, 9, 17)] * 3
    alone = [compute.features(clip) for clip in clips]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(compute.features, clips))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_auto_is_an_export_if_there_is_one_and_pytorch_otherwise(model, monkeypatch):
    assert opened(model, "auto").name == "openvino"
    shutil.rmtree(model / "exports" / "openvino")
    assert opened(model, "auto").name == "onnx"
    with pytest.raises(ModelError, match=r"onball export .* --format openvino`, or"):
        opened(model, "openvino")
    monkeypatch.setenv("ONBALL_RUNTIME", "onnx")
    assert opened(model, "auto").name == "onnx"
    monkeypatch.delenv("ONBALL_RUNTIME")
    shutil.rmtree(model / "exports")
    assert opened(model, "auto").name == "torch"


def test_a_runtime_without_an_export_names_the_command_that_makes_it(model):
    with pytest.raises(ModelError, match=r"onball export .* --format onnx --int8"):
        opened(model, "onnx-int8")
    with pytest.raises(InputError, match="runtime 'tensorrt' does not exist"):
        opened(model, "tensorrt")
    net, config = load_model(model, "spotting")
    with pytest.raises(InputError, match="computes on the CPU"):
        open_runtime(model, net, config, "onnx", device="cuda")


def test_an_export_of_other_weights_is_refused(model):
    net, config = load_model(model, "spotting")
    net.head.linear.bias.data += 1
    exports = shutil.move(model / "exports", model.parent / "exports")
    save_model(net, config, model)
    shutil.move(exports, model / "exports")
    for runtime in ("auto", "onnx"):
        with pytest.raises(ModelError, match="of other weights than those beside it"):
            Spotter.from_pretrained(model, runtime=runtime)
    assert Spotter.from_pretrained(model, runtime="torch").runtime == "torch"


def test_settings_of_inference_may_change_after_the_export(model):
    config = load_model(model, "spotting")[1]
    inference = config.inference.model_copy(update={"threshold": 0.2})
    assert net_digest(model, config) == net_digest(
        model, config.model_copy(update={"inference": inference})
    )


def test_a_calibrated_copy_has_the_exports_of_its_weights_and_no_others(model, tmp_path):
    config = load_model(model, "spotting")[1]
    net, _ = load_model(model, "spotting")
    other = tmp_path / "other"
    net.head.linear.bias.data += 1
    save_model(net, config, other)
    shutil.copytree(model / "exports" / "onnx", other / "exports" / "onnx")  # of other weights
    (model / "exports" / "openvino" / "temporal.bin").write_bytes(b"")
    save_with_config(model, config, other)
    digest = net_digest(model, config)
    assert digest == net_digest(other, config)
    assert [path.name for path in (other / "exports").iterdir()] == ["onnx"]
    assert find_export(other, digest, "onnx") is not None
    assert export_model(other).was_done


def test_exports_of_other_weights_are_removed_where_a_model_without_exports_is_copied(
    model, tmp_path
):
    net, config = load_model(model, "spotting")
    net.head.linear.bias.data += 1
    save_model(net, config, tmp_path / "bare")
    save_with_config(tmp_path / "bare", config, model)
    assert Spotter.from_pretrained(model, runtime="auto").runtime == "torch"


def test_two_processes_do_not_export_a_model_at_the_same_time(model):
    with output_lock(model / "exports"), pytest.raises(OutputLockedError, match="another onball"):
        export_model(model, overwrite=True)
    assert export_model(model).was_done


def test_a_clip_classifier_is_refused_by_name_of_what_runs_it(tmp_path, onball):
    config = random_model(backbone=ComponentConfig(name="test_resnet", pretrained=False))[
        1
    ].model_copy(update={"task": "classification"})
    save_model(build_model(config.model, "classification"), config, tmp_path / "clips")
    code, out, err = onball("export", tmp_path / "clips")
    assert (code, out) == (2, "")
    assert "is a clip classifier, which cannot be exported: `onball evaluate`" in err
    assert not (tmp_path / "clips" / "exports").exists()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache, in which the demo model is to be exported for long videos."""
    monkeypatch.setenv("ONBALL_RUNTIME", "auto")
    monkeypatch.setattr("onball.hub.constants.HF_ASSETS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


LONG_MS = 600_000


def test_the_demo_model_is_not_exported_where_the_cache_cannot_be_written(cache):
    cache.write_text("a file", encoding="utf-8")
    said = []
    with pytest.raises(OnballError, match=r"cannot be written \(.* is a file") as raised:
        export_demo(LONG_MS, lambda: said.append(True))
    assert "\n" not in str(raised.value)
    assert Spotter.from_pretrained(runtime="auto").runtime == "torch"


def test_exports_in_the_cache_that_cannot_be_read_cost_speed_only(
    exported, cache, tmp_path, monkeypatch
):
    """As in a cache that several users share."""
    model = tmp_path / "model"
    shutil.copytree(exported, model, ignore=shutil.ignore_patterns("exports"))
    net = net_digest(model, load_model(model, "spotting")[1])
    shutil.copytree(exported / "exports", cached_exports(net))
    assert Spotter.from_pretrained(model, runtime="auto").runtime == "openvino"
    graph = cached_exports(net) / "openvino" / "backbone.bin"
    graph.write_bytes(b"")
    with pytest.warns(OnballNotice, match=r"backbone\.bin: missing, or changed .*; not used"):
        assert Spotter.from_pretrained(model, precision="32").runtime == "onnx"
    is_file = Path.is_file

    def is_file_of_another_user(path: Path) -> bool:
        if path.is_relative_to(cache):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return is_file(path)

    # Permissions do not bind an administrator, who may run the tests.
    monkeypatch.setattr(Path, "is_file", is_file_of_another_user)
    assert Spotter.from_pretrained(model, runtime="auto").runtime == "torch"


def test_a_second_process_does_not_wait_for_the_export_of_the_demo_model(cache):
    net = net_digest(demo_model(), load_model(demo_model(), "spotting")[1])
    with output_lock(cached_exports(net)), pytest.raises(OutputLockedError, match="another"):
        export_demo(LONG_MS)
    assert not cache.exists()
    assert export_demo(LONG_MS - 1) is None


def test_a_full_temporary_folder_is_one_line(model, small_disk, monkeypatch):
    def write(net: SpottingNet, config: SavedModelConfig, folder: Path) -> None:
        (folder / "backbone.onnx").write_bytes(bytes(2000))

    monkeypatch.setattr("onball.spotting.exporting.write_graphs", write)
    place = re.escape(tempfile.gettempdir())
    with (
        small_disk(1000),
        pytest.raises(OnballError, match=rf"^{place}: cannot .* \(File too large\): free some"),
    ):
        export_model(model, overwrite=True)
    assert export_model(model).was_done


def test_an_error_elsewhere_is_not_blamed_on_the_temporary_folder(model, monkeypatch):
    def vanished(*_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "match.mp4")

    monkeypatch.setattr("onball.spotting.exporting.write_graphs", vanished)
    with pytest.raises(FileNotFoundError, match=r"match\.mp4"):
        export_model(model, overwrite=True)


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_a_disk_that_is_full_at_the_end_has_no_part_of_an_export(
    model, tmp_path, small_disk, monkeypatch, format
):
    def copy(net: SpottingNet, config: SavedModelConfig, folder: Path) -> None:
        copy_files(model / "exports" / "onnx", folder)  # tracing takes seconds

    monkeypatch.setattr("onball.spotting.exporting.write_graphs", copy)
    with ExitStack() as until_the_end:

        def fill_the_disk(*_: object) -> None:
            until_the_end.enter_context(small_disk(20_000))

        monkeypatch.setattr("onball.spotting.exporting.require_parity", fill_the_disk)
        shutil.rmtree(model / "exports" / "openvino")
        with pytest.raises(OnballError, match=r"(copy|exports).* \(File too large\): free some"):
            export_model(model, tmp_path / "copy" if format == "onnx" else None, format=format)
    assert not (tmp_path / "copy").exists()
    assert [path.name for path in (model / "exports").iterdir()] == ["onnx"]


def test_a_package_may_be_of_a_distribution_of_another_name(monkeypatch):
    """`onnxruntime-gpu` has the module `onnxruntime`."""

    def version(name: str) -> str:
        if name == "onnxruntime":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr("onball.models.runtimes.records.version", version)
    versions = package_versions()
    assert versions["onnxruntime"] == onnxruntime.__version__
    assert versions["torch"] == "1"


def test_a_changed_graph_is_refused(model):
    (model / "exports" / "onnx" / "backbone.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="changed since the export"):
        Spotter.from_pretrained(model, runtime="onnx")


def test_an_export_that_is_there_is_not_made_again(model, onball):
    code, out, err = onball("export", model)
    assert (code, err) == (0, "")
    assert "is there already" in out
    assert "confidences differ by at most" in out
    assert f"spot VIDEO --model {model} --runtime onnx" in out


def test_the_export_has_its_comparison_with_pytorch(exported):
    net = net_digest(exported, load_model(exported, "spotting")[1])
    export = find_export(exported, net, "onnx")
    assert export is not None
    assert export.record.parity is not None
    assert export.record.parity.frames == 100  # two windows
    assert 0 < export.record.parity.score < 1e-5


def test_an_export_in_8_bits_needs_videos_with_labels(model):
    with pytest.raises(InputError, match="name a data set with --data"):
        export_model(model, int8=True)


@pytest.mark.parametrize("session", [OnnxSession, OpenVinoSession])
def test_a_quantised_backbone_is_small_and_computes_nearly_the_same(exported, tmp_path, session):
    path = tmp_path / "backbone.onnx"
    shutil.copy(exported / "exports" / "onnx" / "backbone.onnx", path)
    wanted = session(path).run({"frames": frames(8)[None]})
    size = path.stat().st_size
    quantise(path, ({"frames": frames(count)[None]} for count in (4, 6, 8)))
    assert path.stat().st_size < 0.6 * size
    found = session(path).run({"frames": frames(8)[None]})
    assert 0 < abs(wanted - found).max() < 0.1 * np.ptp(wanted)


@pytest.fixture
def sample_data(tmp_path) -> Path:
    """The sample match as a data set."""
    shutil.copytree(sample_match(), tmp_path / "data" / "test" / "sample")
    return tmp_path / "data"


EXPORT_DEMO = """
import sys
from onball.errors import OnballError
from onball.spotting.exporting import export_demo
from onball.spotting.spotter import Spotter

print("ready", flush=True)
sys.stdin.readline()
try:
    print("there" if export_demo(600_000).was_done else "made")
except OnballError as error:
    print(error)
print(Spotter.from_pretrained(runtime="auto").runtime)
"""


@pytest.mark.slow
def test_of_two_processes_one_exports_the_demo_model_and_the_other_goes_on(tmp_path):
    """Both begin at the same time with an empty cache folder, which they share."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HF_ASSETS_CACHE", "ONBALL_RUNTIME")
    }
    with ExitStack() as running:
        processes = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", EXPORT_DEMO],
                    env={**environment, "HF_HOME": str(tmp_path)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=600)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert ["made", "openvino"] in outputs
    outputs.remove(["made", "openvino"])
    said, runtime = outputs[0]
    assert runtime == ("openvino" if said == "there" else "torch")
    assert said == "there" or "another onball process is writing" in said
    (exports,) = (tmp_path / "assets" / "onball" / "exports").iterdir()
    assert [path.name for path in exports.iterdir()] == ["openvino"]


@pytest.mark.slow
def test_the_demo_model_keeps_its_map_in_8_bits(tmp_path):
    exported = export_model(None, tmp_path / "demo", format="openvino", int8=True)
    parity = exported.record.parity
    assert parity is not None and parity.map12 is not None
    assert parity.map12.torch > 0.4
    assert parity.map12.torch - parity.map12.export <= 0.01
    assert 1e-4 < parity.score < 0.5
    spotter = Spotter.from_pretrained(tmp_path / "demo", runtime="openvino-int8")
    assert spotter.fingerprint.endswith("-int8")


@pytest.mark.slow
def test_a_model_that_8_bits_spoil_is_refused_by_its_measured_map(sample_data, tmp_path):
    """One channel a thousand times as large as the others takes the whole range of 8 bits."""
    net, config = load_model(demo_model(), "spotting")
    with torch.no_grad():
        enlarge_a_channel(net, 1000.0)
    save_model(net, config, tmp_path / "model")
    exact = export_model(tmp_path / "model", data=sample_data)
    assert exact.record.parity is not None and exact.record.parity.map12 is not None
    assert exact.record.parity.map12.torch > 0.4  # as good as before, in float32
    with pytest.raises(OnballError, match=r"its mAP12 is [\d.]+ %, and PyTorch's is [\d.]+ %"):
        export_model(tmp_path / "model", int8=True, data=sample_data)
    assert [path.name for path in (tmp_path / "model" / "exports").iterdir()] == ["onnx"]


def enlarge_a_channel(net: SpottingNet, factor: float) -> None:
    """Enlarge a channel after the first convolution, and its weights in the next ones alike."""
    stem = net.backbone.network.stem
    block = net.backbone.network.s1.b1
    stem.bn.weight[0] *= factor
    stem.bn.bias[0] *= factor
    for layer in (block.conv1, block.downsample):
        layer.conv.weight[:, 0] /= factor


def test_differences_beyond_the_bounds_are_an_error():
    parity = Parity(source="videos", frames=2, score=2e-4, mean_score=1e-4, different_frames=1)
    assert parity_text(parity).endswith("on average; by more than 0.0001 in 1 frame")
    require_parity("model", parity, score_bound=1e-3, map_bound=0.01)
    with pytest.raises(
        OnballError, match=r"up to 0.0002, more than 0.0001 \(.* in 1 of 2 frames: "
    ):
        require_parity("model", parity, score_bound=1e-4, map_bound=0.01)
    means = {"map12": {"torch": 0.5, "export": 0.45}, "map10": {"torch": 0.5, "export": 0.5}}
    parity = Parity.model_validate(parity.model_dump() | means)
    require_parity("model", parity, score_bound=1e-3, map_bound=0.06)
    with pytest.raises(OnballError, match=r"its mAP12 is 45\.00 %"):
        require_parity("model", parity, score_bound=1e-3, map_bound=0.01)
    parity = parity.model_copy(update={"score": float("nan")})
    with pytest.raises(OnballError, match="not saved"):
        require_parity("model", parity, score_bound=1e-3, map_bound=0.06)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_ctrl_c_is_caught_after_the_sessions_of_openvino_are_closed(exported):
    program = (
        "import signal, sys, types\n"
        "from importlib.util import find_spec\n"
        "from pathlib import Path\n"
        # Without the other models: PyTorch takes seconds to import, and is not needed.
        "models = sys.modules['onball.models'] = types.ModuleType('onball.models')\n"
        "models.__path__ = [str(Path(find_spec('onball').origin).parent / 'models')]\n"
        "from onball.models.runtimes.sessions import OpenVinoSession\n"
        "sessions = [OpenVinoSession(path) for path in sorted(Path(sys.argv[1]).glob('*.xml'))]\n"
        "assert len(sessions) == 2\n"
        "while sessions:\n"
        "    del sessions[0]\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    print('caught', 'torch' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, str(exported / "exports" / "openvino")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "caught False\n"), done.stderr
