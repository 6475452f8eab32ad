"""Train a small model on a folder of labelled matches, and spot a match with it.

    python examples/train_on_own_data.py [DATA]

DATA has the layout of SoccerNet: `train`, `valid` and `test`, in each `<league>/<season>/<match>/` with
`224p.mp4` and `Labels-ball.json`. By default a few seconds of football are simulated, on which there
is little to learn: the result shows the steps, not a good model. Writes into `runs/own`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from onball import Spotter, find_matches, load_config, simulate, train


def main() -> None:
    if len(sys.argv) > 1:
        data = Path(sys.argv[1])
    else:
        data = simulate("data/own", train=2, valid=1, test=1, minutes=0.1, size=(64, 36)).root
    print({split: len(find_matches(data, split)) for split in ("train", "valid", "test")})

    # The smallest of the configs that come with onball; see `onball configs` for the others.
    settings = [f"data.root={data}", "training.epochs=2", "training.clips_per_epoch=16"]
    model = train(
        load_config("spotting/tiny", settings),
        run_dir="runs/own",
        overwrite=True,
        on_epoch=lambda epoch: print(f"epoch {epoch.epoch}: loss {epoch.loss:.3f}"),
    )

    spotter = Spotter.from_pretrained(model)
    match = find_matches(data, "test")[0]
    print(f"{match.name}: {len(spotter.spot(match.video))} candidates")


if __name__ == "__main__":
    main()
