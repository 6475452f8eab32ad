"""The score bug: names of the teams, score and clock in a corner of the picture."""

from __future__ import annotations

import numpy as np

from onball.synthetic.look import Look
from onball.synthetic.opencv import cv2
from onball.synthetic.scene import Canvas

_SCALE = 4  # lettering is drawn this much larger and then averaged down


class ScoreBug:
    """Draws the score bug onto finished pictures; its size follows the picture's height."""

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._look = look
        self._unit = max(1, round(height / 224 * _SCALE))
        self._x, self._y = round(look.score_bug[0] * width), round(look.score_bug[1] * height)
        self._drawn: tuple[str, tuple[int, int]] | None = None
        self._panel: Canvas = np.zeros((0, 0, 3), np.uint8)

    def draw(self, picture: Canvas, clock_ms: int, score: tuple[int, int]) -> None:
        """Put the bug onto the picture."""
        minutes, seconds = divmod(max(clock_ms, 0) // 1000, 60)
        clock = f"{minutes:02d}:{seconds:02d}"
        if (clock, score) != self._drawn:
            self._panel, self._drawn = self._paint(clock, score), (clock, score)
        height, width = picture.shape[:2]
        panel = self._panel[: height - self._y, : width - self._x]
        picture[self._y : self._y + panel.shape[0], self._x : self._x + panel.shape[1]] = panel

    def _paint(self, clock: str, score: tuple[int, int]) -> Canvas:
        unit = self._unit
        home, away = self._look.names
        cells = ((clock, 26), (home, 22), (f"{score[0]} {score[1]}", 18), (away, 22))
        width, height = sum(wide for _, wide in cells) * unit, 10 * unit
        panel: Canvas = np.full((height, width, 3), (18, 22, 30), np.uint8)
        x = 0
        for place, (text, wide) in enumerate(cells):
            if place in (1, 3):
                colour = self._look.teams[place // 2].shirt
                cv2.rectangle(
                    panel, (x, height - unit), (x + (wide - 1) * unit, height), colour, -1
                )
            (long, tall), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_DUPLEX, 0.22 * unit, 1)
            at = (x + (wide * unit - long) // 2, (height + tall) // 2)
            cv2.putText(
                panel, text, at, cv2.FONT_HERSHEY_DUPLEX, 0.22 * unit, (240, 240, 240),
                max(1, unit // 3), cv2.LINE_AA,
            )  # fmt: skip
            x += wide * unit
        size = (width // _SCALE, height // _SCALE)
        return np.asarray(cv2.resize(panel, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
