"""`onball train`: train a model, or show the plan of a training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onball.cli import console, options
from onball.cli.models import fetched
from onball.files import shell_quoted
from onball.progress import ProgressCallback, no_progress

if TYPE_CHECKING:
    from onball.config import ExperimentConfig
    from onball.runs import RunFolder
    from onball.training.callbacks import EpochSummary
    from onball.training.trainer import TrainingPlan


#: Settings of a training that goes on with a model; others are those of `base`.
_TUNING = ("training.learning_rate=2e-4", "training.warmup_epochs=1")
#: Points of the plotted learning rate; the terminal cannot show more.
_POINTS = 400
_PANEL = "Clusters"


def print_plan(config: ExperimentConfig, device: str) -> None:
    """Print the size of the net, the memory and number of steps, and the learning rate over them.

    Then measure some steps, and print for how long it would train and what it would write.
    """
    from onball.reports.terminal import needs_ascii, plot_lines
    from onball.training.trainer import plan_training

    plan = plan_training(config, device=device)
    cost, data, training = plan.cost, config.data, config.training
    parts = [config.model.backbone.name, config.model.temporal.name]
    if config.task == "spotting":
        parts.append(f"{config.model.head.name} head")
    precision = str(plan.precision).removeprefix("torch.")
    frozen = "" if cost.trainable == cost.parameters else f", {cost.trainable:,} of them trained"
    _say_rows(
        {
            "net": f"{config.task}: {' → '.join(parts)}",
            "parameters": f"{cost.parameters:,}{frozen}",
            "one clip": f"{data.clip_frames} frames of {_input_of(plan)}: "
            f"{cost.gflops:.2f} GFLOPs forward (a multiply-add counts 1)",
            "memory": f"about {_memory(plan.memory_bytes)} for a batch of "
            f"{training.batch_size} in {precision} on {plan.device}, and the program itself",
            "steps": f"{plan.steps.total:,}: {training.epochs} epochs of {plan.steps.per_epoch:,}, "
            f"each of {console.count(plan.steps.clips_per_step, 'clip')}",
            "frames": f"{training.epochs * plan.steps.clips_per_epoch * data.clip_frames:,}",
        }
    )
    console.say("")
    every = max(1, len(plan.learning_rates) // _POINTS)
    shown = range(0, len(plan.learning_rates), every)
    console.say(
        plot_lines(
            [float(step) for step in shown],
            [plan.learning_rates[step] for step in shown],
            x_label="step",
            y_label="learning rate",
            ascii=needs_ascii(console.encoding()),
        )
    )
    console.say("")
    _print_estimate(config, device)


def _input_of(plan: TrainingPlan) -> str:
    *_, height, width = plan.cost.frames_shape
    on_frames = len(plan.cost.frames_shape) == 4
    return f"{width}×{height}" if on_frames else f"{width} features each"


def _say_rows(rows: dict[str, str]) -> None:
    for name, text in rows.items():
        console.say(f"{name:<11} {text}")


def _print_estimate(config: ExperimentConfig, device: str) -> None:
    from onball.errors import InputError, OnballError
    from onball.training.measuring import measure_training

    try:
        with training_progress() as (progress, _):
            estimate = measure_training(config, device=device, progress=progress)
    except InputError:
        raise
    except OnballError as error:
        console.say(f"{'time':<11} not measured: {error}")
        return
    source = f"of {config.data.root}" if estimate.on_data else "with random pixels"
    if config.data.features is not None:
        source = "with random features (computing those of the videos comes before)"
    elif not estimate.on_data:
        source += " (name the data set with --data)"
    parts = [f"{_duration(estimate.training_seconds)} of training"]
    if estimate.validation_seconds is not None:
        parts.append(f"{_duration(estimate.validation_seconds)} of validation")
    else:
        parts.append("without validation, whose time depends on the data set")
    if estimate.decoding_seconds:
        parts.append(f"{_duration(estimate.decoding_seconds)} of decoding before it")
    run = f"{_size(estimate.run_bytes)} for the run"
    if estimate.cache_bytes:
        run += f", {_size(estimate.cache_bytes)} for decoded frames in {config.data.cache}"
    elif estimate.cache_bytes is None and config.data.cache is not None:
        run += f", and decoded frames in {config.data.cache}, whose size depends on the data set"
    _say_rows(
        {
            "speed": f"{estimate.frames_per_second:.0f} frames/s, measured over {estimate.steps} "
            f"{'step' if estimate.steps == 1 else 'steps'} on clips {source}",
            "time": f"{_about(estimate.total_seconds)}: {', '.join(parts)}",
            "disk": run,
        }
    )


def _duration(seconds: float) -> str:
    """A duration with its unit."""
    if seconds < 0.5:
        return "less than 1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def _about(seconds: float) -> str:
    """An estimated duration."""
    return f"{'about ' if seconds >= 0.5 else ''}{_duration(seconds)}"


def _size(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def train(
    config: Annotated[
        str | None,
        typer.Argument(
            metavar="CONFIG",
            help="A YAML file, a name that `onball configs` lists, or with --resume the folder of "
            "a run. With --init it may be left out: the net and its input are then the model's.",
            show_default=False,
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        options.settings("A setting to change: --set training.epochs=5 (repeatable)."),
    ] = None,
    overlays: Annotated[
        list[str] | None,
        options.overlays("A YAML file or overlay put over the config: budgets/cpu (repeatable)."),
    ] = None,
    data: Annotated[
        Path | None, options.data("The data set; short for --set data.root=FOLDER.")
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="NAME",
            help="Start from the weights of this saved model or run, by folder or name; short for --set "
            "training.initial_model=NAME.",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Train the heads on features of the backbone, computed once into this folder; auto is "
            "the folder features of the data set. Short for --set data.features=FOLDER.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        options.out(
            "Folder of the run, or s3://BUCKET/RUN (uploaded after every epoch). [default: runs/ and "
            "the config's name]"
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue from the last checkpoint. A run named by its folder or address needs no other "
            "option; --set training.epochs=N with a larger N adds epochs.",
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Delete a run in the folder, and start again."),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            min=1,
            metavar="N",
            help="Train with the seeds 0 to N-1, each into the folder seed_N of --out, and print the "
            "mean of their scores in validation.",
        ),
    ] = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ENGINE",
            help="Train in several processes of a Ray cluster: ray, or ray://HOST:PORT. torchrun and Slurm "
            "start this command themselves.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        options.workers(
            "Processes that train together; each adds training.batch_size clips to a step.", _PANEL
        ),
    ] = None,
    cpus: Annotated[
        int | None, options.cpus("CPU cores of each process. [default: 1]", _PANEL)
    ] = None,
    gpus: Annotated[
        int | None, options.gpus("GPUs of each process, 0 or 1. [default: 0]", _PANEL, max=1)
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Train nothing; show size and memory, and measure some steps to estimate hours and "
            "disk space.",
        ),
    ] = False,
) -> None:
    """Train a model; the run's folder gets checkpoints, logs and the saved model."""
    from onball.config import find_config, load_config
    from onball.config.shipped import base_config
    from onball.errors import InputError

    if resume and overwrite:
        raise InputError("--resume continues a run and --overwrite deletes it: give one of them")
    _check_cluster(cluster, workers, cpus=cpus, gpus=gpus, seeds=seeds)
    settings = list(overrides or [])
    if config is None:
        if init is None:
            raise InputError("name a CONFIG (`onball configs` lists some), or a model with --init")
        path, run_dir = base_config(), _run_dir(out, f"{init.name}-tuned")
        settings = [*_tuning(fetched(init), data), *settings]
    else:
        path, run_dir = _places(config, out, resume)
    for key, folder in (
        ("data.root", data),
        ("training.initial_model", init),
        ("data.features", features),
    ):
        if folder is not None:
            # Quoted: settings are YAML, and to YAML a folder called 2024 is a number.
            settings.append(f"{key}={json.dumps(str(folder), ensure_ascii=False)}")
    if threads is not None:
        settings.append(f"training.threads={threads}")
    if init is not None:
        fetched(init)  # a download and its licence are shown; settings and the run keep the name
    over = tuple(find_config(name) for name in overlays or ())
    if dry_run:
        print_plan(load_config(path, settings, over), device)
        return
    from onball.experiments import Experiment
    from onball.training import train as run_training
    from onball.training.run import open_run
    from onball.training.trainer import rank

    experiment = Experiment(path, over, tuple(settings)).check_settings()
    if seeds is not None:
        if isinstance(run_dir, str):
            raise InputError(f"--out {run_dir}: --seeds trains into a folder of this machine")
        _train_seeds(experiment, seeds, run_dir, resume, overwrite, device)
        return
    if resume and rank() == 0:
        _say_where_it_continues(open_run(run_dir)[0], experiment)
    with training_progress() as (progress, on_epoch):
        if cluster is not None and workers is not None:
            # Optional packages, which take seconds to import.
            from onball.cluster.engine import Resources
            from onball.training.on_ray import train_on_ray

            model = train_on_ray(
                experiment,
                run_dir=run_dir,
                workers=workers,
                resources=Resources(cpus or 1, gpus or 0),
                address=cluster if "://" in cluster else None,
                resume=resume,
                overwrite=overwrite,
                imports=console.imports,
                progress=progress,
                on_epoch=on_epoch,
            )
        else:
            model = run_training(
                experiment,
                run_dir=run_dir,
                resume=resume,
                overwrite=overwrite,
                device=device,
                progress=progress,
                on_epoch=on_epoch,
            )
    if rank() > 0:  # in distributed training only the first process prints
        return
    if isinstance(run_dir, str):
        console.say(f"Run: {run_dir}")
    console.say(f"Saved model: {model}")
    _say_next(experiment, model.parent)


def _check_cluster(
    cluster: str | None, workers: int | None, *, seeds: int | None, **given: int | None
) -> None:
    """Raise `InputError` if the options of a cluster do not go together."""
    from onball.errors import InputError

    if cluster is None:
        for name, value in {"workers": workers, **given}.items():
            if value is not None:
                raise InputError(f"--{name} needs --cluster ray")
        return
    kind, _, address = cluster.partition("://")
    if kind != "ray" or (cluster != "ray" and not address):
        raise InputError(
            f"--cluster {cluster}: there are ray and ray://HOST:PORT; torchrun and Slurm start "
            "`onball train` themselves, see examples/train_torchrun.sh and examples/train_slurm.sh"
        )
    if workers is None:
        raise InputError(
            "--cluster ray: --workers N is the number of processes that train together"
        )
    if seeds is not None:
        raise InputError("--seeds cannot be used with --cluster: start one training per seed")


def _train_seeds(
    config: ExperimentConfig, seeds: int, out: Path, resume: bool, overwrite: bool, device: str
) -> None:
    """Train with several seeds and print the score of each, and their mean."""
    from onball.training.seeds import train_seeds
    from onball.training.trainer import rank

    with console.repeated_warnings_once(), training_progress() as (progress, on_epoch):
        done = train_seeds(
            config,
            seeds,
            run_dir=out,
            resume=resume,
            overwrite=overwrite,
            device=device,
            progress=progress,
            on_epoch=on_epoch,
            on_seed=lambda seed: console.note(f"seed {seed} ({seed + 1} of {seeds})"),
        )
    if rank() > 0:
        return
    for run in done.runs:
        score = "" if run.score is None else f"  {done.metric} {run.score:.2f}"
        console.say(f"seed {run.seed}{score}  {run.run.path}")
    if done.mean is not None:
        spread = "" if done.mean.half_width is None else " (95 % interval over seeds)"
        console.say(f"mean {done.metric} {done.mean}{spread}")
    _say_next(config, done.best.run.path)


def _say_next(config: ExperimentConfig, run: Path) -> None:
    """Print the command that spots a video with the model of a run."""
    from onball.models.components import custom_modules

    if config.task == "spotting":
        imports = "".join(f"--import {name} " for name in custom_modules(config.model))
        console.say(
            f"Next: {console.this_command()} {imports}spot VIDEO --model {shell_quoted(run)}"
        )


def _tuning(model: Path, data: Path | None) -> list[str]:
    """Settings that train a saved model further, with a lower learning rate than a new net's.

    The classes are those of the data set if it lists any, else the model's.
    """
    from onball.config.saved_model import training_settings
    from onball.data.classes import CLASSES_FILE
    from onball.models.saved import read_model_config

    listed = data is not None and (data / CLASSES_FILE).is_file()
    classes = ["model.classes=null"] if listed else []
    return [*training_settings(read_model_config(model)), *_TUNING, *classes]


def _memory(size: float) -> str:
    """Text for a number of bytes, in MiB if it is far below a GiB."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**29 else f"{size / 2**20:.0f} MiB"


def _places(config: str, out: str | None, resume: bool) -> tuple[Path, str | Path]:
    """Return the file of the config, and the folder of the run or its address on a store."""
    from onball.config import find_config
    from onball.errors import InputError
    from onball.runs import RunFolder, is_run
    from onball.stores import is_stored

    if resume and is_stored(config):
        # Loads torch, which everything else here does without.
        from onball.training.run import open_run

        if out is not None and out.rstrip("/") != config.rstrip("/"):
            raise InputError(f"--out {out}: the run {config} can only be resumed in its own folder")
        stored_run, _ = open_run(config)
        if not is_run(stored_run.path):
            raise InputError(f"{config}: no training run there: check the address")
        return stored_run.config, config
    if not (resume and is_run(config)):
        path = find_config(config)
        return path, _run_dir(out, path.stem)
    run = Path(config)
    if out is not None and Path(out).resolve() != run.resolve():
        raise InputError(f"--out {out}: the run {run} can only be resumed in its own folder")
    return RunFolder(run).config, run


def _run_dir(out: str | None, name: str) -> str | Path:
    """Folder of a run, or its address on a store."""
    from onball.stores import is_stored

    if out is None:
        return Path("runs") / name
    return out if is_stored(out) else Path(out)


def _say_where_it_continues(run: RunFolder, config: ExperimentConfig) -> None:
    from onball.config import load_config
    from onball.runs import is_run

    if not run.last_checkpoint.is_file():
        console.note(f"{run}: no checkpoint in it: training starts from the beginning")
        return
    before = load_config(run.config).training.epochs if is_run(run.path) else 0
    if 0 < before < config.training.epochs:
        console.note(
            f"{run}: {config.training.epochs} epochs instead of {before}: from here on, the "
            f"learning rate is that of the schedule for {config.training.epochs} epochs"
        )


@contextmanager
def training_progress() -> Iterator[tuple[ProgressCallback, Callable[[EpochSummary], None]]]:
    """Yield callbacks that show a bar, unless output is redirected, and a line per epoch."""
    with ExitStack() as stack:
        # Redirected to a file, the bar would appear once, in its final state, after all lines.
        terminal = console.status.is_terminal
        yield stack.enter_context(console.progress_bar()) if terminal else no_progress, _print_epoch


def _print_epoch(epoch: EpochSummary) -> None:
    from onball.evaluation.average_precision import means_of

    metrics = ""
    if epoch.result is not None:
        evaluation = epoch.result.evaluation
        metrics = "".join(
            f"{mean.name} {100 * mean.of(evaluation.ap):.2f}  "
            for mean in means_of(evaluation.actions)
        )
    over = epoch.epoch == epoch.epochs
    left = "" if over else f"  {_about(epoch.seconds_left)} left"
    console.status.print(
        f"epoch {epoch.epoch}/{epoch.epochs}  loss {epoch.loss:.5f}  {metrics}"
        f"{epoch.frames_per_second:.0f} frames/s{left}",
        highlight=False,
        soft_wrap=True,
    )
