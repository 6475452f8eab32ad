"""Input and outputs of the ball network, for its training and its detector.

The module is light: the training does not load ONNX Runtime for it, nor the detector PyTorch.
"""

INPUT_CHANNELS = 5
"""Red, green and blue of the frame, luma of the frame before it and of the frame after it."""
MEAN, STD = 110.0, 60.0
"""Normalisation of the input: `(level - MEAN) / STD` for levels of 0 to 255."""
INPUT, RAW_INPUT = "normalised", "frames"
"""Name of the input of an exported network; of one that normalises it itself, as former ones do."""
STRIDE = 4
"""Pixels of a cell of the outputs."""
OUTPUTS = (
    "scores", "ball_offset", "ball_size", "person_offset", "person_size", "goal_offset", "goal_size",
)  # fmt: skip
"""Names of the outputs; scores are the sigmoids of `onball.training.ball.network.Maps.logits`."""
