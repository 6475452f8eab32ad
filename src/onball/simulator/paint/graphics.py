"""The broadcaster's graphics: score bug with clock, watermark, and the badge of a replay."""

from __future__ import annotations

import numpy as np

from onball.simulator.look.colours import BLACK, RGB, WHITE, distance
from onball.simulator.look.look import Bug, Graphics, Look
from onball.simulator.paint.scene import Canvas, cv2

_SCALE = 4  # lettering is drawn this much larger and then averaged down
_FONT = cv2.FONT_HERSHEY_DUPLEX


class ScoreBug:
    """Draws the graphics onto finished pictures; their size follows the picture's height."""

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._graphics: Graphics = look.graphics
        home, away = look.outfits.teams
        self._shirts: tuple[RGB, RGB] = (home.shirt, away.shirt)
        self._unit = max(1, round(height / 224 * _SCALE * look.graphics.bug_scale))
        self._drawn: tuple[str, tuple[int, int]] | None = None
        self._panel: Canvas = np.zeros((0, 0, 3), np.uint8)
        self._mask: Canvas = np.zeros((0, 0), np.uint8)
        self._mark = _lettering(look.graphics.channel, max(1.0, height / 224) * 0.42)
        self._badge = self._replay_badge(height)

    def draw(self, picture: Canvas, clock_ms: int, score: tuple[int, int], replay: bool) -> None:
        """Put them onto the picture; during a replay its badge takes the place of the bug."""
        self._draw_watermark(picture)
        if replay:
            _place(picture, self._badge, self._graphics.bug_at)
            return
        minutes, seconds = divmod(max(clock_ms, 0) // 1000, 60)
        clock = f"{minutes:02d}:{seconds:02d}"
        if (clock, score) != self._drawn:
            self._drawn = (clock, score)
            self._panel, self._mask = self._paint(clock, score)
        where = _place(picture, None, self._graphics.bug_at, self._panel.shape[:2])
        height, width = where.shape[:2]
        mask = self._mask[:height, :width, None].astype(np.uint16)
        mixed = where * (255 - mask) + self._panel[:height, :width] * mask
        where[:] = mixed // 255

    def _paint(self, clock: str, score: tuple[int, int]) -> tuple[Canvas, Canvas]:
        """Panel, uint8 `[h, w, 3]`, and how much of the picture it covers, `[h, w]`, 255 for all."""
        unit, look = self._unit, self._graphics
        home, away = look.names
        stacked = look.bug is Bug.STACKED
        if stacked:
            width, height = 62 * unit, 19 * unit
        else:
            width, height = 90 * unit, 10 * unit
        panel: Canvas = np.full((height, width, 3), look.panel, np.uint8)
        mask: Canvas = np.full((height, width), 255, np.uint8)
        if stacked:
            for row, name in enumerate((home, away)):
                top = row * height // 2
                middle = top + height // 4
                cv2.rectangle(
                    panel, (0, top + unit), (2 * unit, top + 8 * unit), self._shirts[row], -1
                )
                self._write(panel, name, 14 * unit, middle, look.ink)
                self._write(panel, str(score[row]), 31 * unit, middle, look.accent)
            cv2.rectangle(panel, (37 * unit, 0), (width, height), _dimmed(look.panel), -1)
            self._write(panel, clock, 49 * unit, height // 2, look.ink)
        else:
            self._row(panel, clock, score)
        if look.bug is Bug.CLEAR:
            # Only lettering and trim are opaque, the ground lets most of the picture through.
            far = np.abs(panel.astype(int) - np.array(look.panel)).max(2)
            mask[:] = np.where(far > 24, 255, 90)
        size = (width // _SCALE, height // _SCALE)
        return (
            np.asarray(cv2.resize(panel, size, interpolation=cv2.INTER_AREA)),
            np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA)),
        )

    def _row(self, panel: Canvas, clock: str, score: tuple[int, int]) -> None:
        """One row: clock, home, score, away; with the names first where the design has it so."""
        unit, look = self._unit, self._graphics
        height, middle = panel.shape[0], panel.shape[0] // 2
        home, away = look.names
        cells = [(clock, 26), (home, 22), (f"{score[0]} {score[1]}", 20), (away, 22)]
        order = (1, 2, 3, 0) if look.bug in (Bug.LIGHT, Bug.TEAMS) else (0, 1, 2, 3)
        x = 0
        for place in order:
            text, wide = cells[place]
            ink = look.ink
            right = x + wide * unit
            if place in (1, 3):
                colour = self._shirts[place // 2]
                if look.bug is Bug.TEAMS:
                    cv2.rectangle(panel, (x, 0), (right - unit, height), colour, -1)
                    ink = max((WHITE, BLACK), key=lambda one: distance(one, colour))
                elif look.bug is Bug.LIGHT:
                    cv2.rectangle(panel, (x, 0), (x + 2 * unit, height), colour, -1)
                else:
                    cv2.rectangle(panel, (x, height - unit), (right - unit, height), colour, -1)
            elif place == 2:
                cv2.rectangle(panel, (x, 0), (right - unit, height), _dimmed(look.panel), -1)
                ink = look.accent if distance(look.accent, _dimmed(look.panel)) > 320 else look.ink
            self._write(panel, text, x + wide * unit // 2, middle, ink)
            x = right

    def _write(self, panel: Canvas, text: str, x: int, y: int, colour: RGB) -> None:
        """Text about a middle."""
        scale = 0.22 * self._unit
        (long, tall), _ = cv2.getTextSize(text, _FONT, scale, 1)
        at = (x - long // 2, y + tall // 2)
        thickness = max(1, self._unit // 3)
        cv2.putText(panel, text, at, _FONT, scale, colour, thickness, cv2.LINE_AA)

    def _replay_badge(self, height: int) -> Canvas:
        unit = max(1, round(height / 224 * _SCALE))
        badge: Canvas = np.full((11 * unit, 42 * unit, 3), self._graphics.panel, np.uint8)
        cv2.rectangle(badge, (0, 0), (2 * unit, 11 * unit), self._graphics.accent, -1)
        scale = 0.24 * unit
        (long, tall), _ = cv2.getTextSize("REPLAY", _FONT, scale, 1)
        at = (22 * unit - long // 2, (11 * unit + tall) // 2)
        thickness = max(1, unit // 3)
        cv2.putText(badge, "REPLAY", at, _FONT, scale, self._graphics.ink, thickness, cv2.LINE_AA)
        size = (42 * unit // _SCALE, 11 * unit // _SCALE)
        return np.asarray(cv2.resize(badge, size, interpolation=cv2.INTER_AREA))

    def _draw_watermark(self, picture: Canvas) -> None:
        where = _place(picture, None, self._graphics.channel_at, self._mark.shape[:2])
        mark = self._mark[: where.shape[0], : where.shape[1], None]
        share = mark.astype(np.float32) / 255 * self._graphics.opacity
        where[:] = where + (240 - where.astype(np.float32)) * share


def _dimmed(colour: RGB) -> RGB:
    """A neighbouring tone: darker on light panels, lighter on dark ones."""
    step = -36 if sum(colour) > 380 else 24
    red, green, blue = (min(255, max(0, channel + step)) for channel in colour)
    return red, green, blue


def _lettering(text: str, scale: float) -> Canvas:
    """Text as shares of ink, uint8 `[h, w]`."""
    font = cv2.FONT_HERSHEY_TRIPLEX
    thickness = max(1, round(1.5 * scale * _SCALE))
    (wide, tall), base = cv2.getTextSize(text, font, scale * _SCALE, thickness)
    mark: Canvas = np.zeros((tall + base + _SCALE, wide + _SCALE), np.uint8)
    cv2.putText(mark, text, (0, tall), font, scale * _SCALE, 255, thickness, cv2.LINE_AA)
    size = (mark.shape[1] // _SCALE, mark.shape[0] // _SCALE)
    return np.asarray(cv2.resize(mark, size, interpolation=cv2.INTER_AREA))


def _place(
    picture: Canvas,
    panel: Canvas | None,
    at: tuple[float, float],
    size: tuple[int, ...] | None = None,
) -> Canvas:
    """The part of the picture for something of that size; the panel, if any, is put there.

    `at` is the share of the room beside it that is left of it and above it.
    """
    height, width = panel.shape[:2] if panel is not None else size or (0, 0)
    x = round(at[0] * max(picture.shape[1] - width, 0))
    y = round(at[1] * max(picture.shape[0] - height, 0))
    where = picture[y : y + height, x : x + width]
    if panel is not None:
        where[:] = panel[: where.shape[0], : where.shape[1]]
    return where
