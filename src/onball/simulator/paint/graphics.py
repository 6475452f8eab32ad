"""Graphics of the broadcaster: score bug with clock, watermark, and replay badge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onball.simulator.look.colours import BLACK, RGB, WHITE, colour_distance
from onball.simulator.look.look import Bug, Caption, Disc, Graphics, Look
from onball.simulator.paint.shapes import Canvas, cv2

_SUPERSAMPLING = 4  # lettering is drawn this much larger and then averaged down
_FONT, _WATERMARK_FONT = cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX
_CLEAR_ALPHA = 90  # of 255, of the ground of a clear score bug
_WATERMARK_LEVEL = 240


class ScoreBug:
    """Broadcast graphics of one match, drawn onto finished frames.

    Args:
        look: appearance of the match.
        width, height: of the frames, pixels; the graphics scale with the height.
    """

    def __init__(self, look: Look, width: int, height: int) -> None:
        self._graphics: Graphics = look.graphics
        home, away = look.outfits.teams
        self._shirts: tuple[RGB, RGB] = (home.shirt, away.shirt)
        self._unit = max(1, round(height / 224 * _SUPERSAMPLING * look.graphics.bug_scale))
        self._cached: tuple[str, tuple[int, int]] | None = None
        self._panel: Canvas = np.zeros((0, 0, 3), np.uint8)
        self._alpha: Canvas = np.zeros((0, 0), np.uint8)
        self._watermark = _render_watermark(look.graphics.channel, max(1.0, height / 224) * 0.42)
        self._badge = self._render_badge(height)
        self._captions = [_render_caption(caption, height) for caption in look.graphics.captions]
        self._discs = [_render_disc(disc, height) for disc in look.graphics.discs]
        self._bar = round(look.transmission.border * width)

    def draw(self, frame: Canvas, clock_ms: int, score: tuple[int, int], replay: bool) -> None:
        """Draw the graphics onto a frame; the replay badge replaces the score bug.

        Args:
            frame: uint8 `[height, width, 3]`, changed in place.
            clock_ms: match clock.
            score: goals of the home and the away team.
            replay: True during a replay.
        """
        self._draw_watermark(frame)
        for caption, (text, alpha) in zip(self._graphics.captions, self._captions, strict=True):
            region = _region(frame, caption.at, text.shape[:2])
            height, width = region.shape[:2]
            cover = alpha[:height, :width, None]
            region[:] = region + (text[:height, :width] - region.astype(np.float32)) * cover
        for disc, (image, alpha) in zip(self._graphics.discs, self._discs, strict=True):
            region = _region(frame, disc.at, image.shape[:2])
            region[:] = region + (image - region.astype(np.float32)) * alpha[..., None]
        if self._bar:
            frame[:, : self._bar] = frame[:, -self._bar :] = 0
        if replay:
            region = _region(frame, self._graphics.bug_at, self._badge.shape[:2])
            region[:] = self._badge[: region.shape[0], : region.shape[1]]
            return
        minutes, seconds = divmod(max(clock_ms, 0) // 1000, 60)
        clock = f"{minutes:02d}:{seconds:02d}"
        if (clock, score) != self._cached:
            self._cached = (clock, score)
            self._panel, self._alpha = self._render_bug(clock, score)
        region = _region(frame, self._graphics.bug_at, self._panel.shape[:2])
        height, width = region.shape[:2]
        alpha = self._alpha[:height, :width, None].astype(np.uint16)
        mixed = region * (255 - alpha) + self._panel[:height, :width] * alpha
        region[:] = mixed // 255

    def _draw_watermark(self, frame: Canvas) -> None:
        region = _region(frame, self._graphics.channel_at, self._watermark.shape[:2])
        mark = self._watermark[: region.shape[0], : region.shape[1], None]
        alpha = mark.astype(np.float32) / 255 * self._graphics.opacity
        region[:] = region + (_WATERMARK_LEVEL - region.astype(np.float32)) * alpha

    def _render_bug(self, clock: str, score: tuple[int, int]) -> tuple[Canvas, Canvas]:
        """Render the score bug: panel, uint8 `[h, w, 3]`, and alpha, uint8 `[h, w]`."""
        unit, graphics = self._unit, self._graphics
        stacked = graphics.bug is Bug.STACKED
        width, height = (62 * unit, 19 * unit) if stacked else (90 * unit, 10 * unit)
        panel: Canvas = np.full((height, width, 3), graphics.panel, np.uint8)
        alpha: Canvas = np.full((height, width), 255, np.uint8)
        if stacked:
            self._draw_stacked(panel, clock, score)
        else:
            self._draw_row(panel, clock, score)
        if graphics.bug is Bug.CLEAR:  # lettering and trim stay opaque
            difference = np.abs(panel.astype(int) - np.array(graphics.panel)).max(2)
            alpha[:] = np.where(difference > 24, 255, _CLEAR_ALPHA)
        return _downsample(panel), _downsample(alpha)

    def _draw_stacked(self, panel: Canvas, clock: str, score: tuple[int, int]) -> None:
        """Draw one team above the other, and the clock beside them."""
        unit, graphics = self._unit, self._graphics
        height, width = panel.shape[:2]
        for row, name in enumerate(graphics.names):
            top = row * height // 2
            middle = top + height // 4
            bar = (0, top + unit), (2 * unit, top + 8 * unit)
            cv2.rectangle(panel, *bar, self._shirts[row], -1)
            self._write(panel, name, 14 * unit, middle, graphics.ink)
            self._write(panel, str(score[row]), 31 * unit, middle, graphics.accent)
        cv2.rectangle(panel, (37 * unit, 0), (width, height), _contrasting(graphics.panel), -1)
        self._write(panel, clock, 49 * unit, height // 2, graphics.ink)

    def _draw_row(self, panel: Canvas, clock: str, score: tuple[int, int]) -> None:
        """Draw clock, home, score and away in one row; some designs have the clock last."""
        unit, graphics = self._unit, self._graphics
        height, middle = panel.shape[0], panel.shape[0] // 2
        score_ground = _contrasting(graphics.panel)
        home, away = graphics.names
        cells = [(clock, 26), (home, 22), (f"{score[0]} {score[1]}", 20), (away, 22)]
        order = (1, 2, 3, 0) if graphics.bug in (Bug.LIGHT, Bug.TEAMS) else (0, 1, 2, 3)
        x = 0
        for cell in order:
            text, wide = cells[cell]
            ink = graphics.ink
            right = x + wide * unit
            if cell in (1, 3):
                colour = self._shirts[cell // 2]
                if graphics.bug is Bug.TEAMS:
                    cv2.rectangle(panel, (x, 0), (right - unit, height), colour, -1)
                    ink = max((WHITE, BLACK), key=lambda one: colour_distance(one, colour))
                elif graphics.bug is Bug.LIGHT:
                    cv2.rectangle(panel, (x, 0), (x + 2 * unit, height), colour, -1)
                else:
                    cv2.rectangle(panel, (x, height - unit), (right - unit, height), colour, -1)
            elif cell == 2:
                cv2.rectangle(panel, (x, 0), (right - unit, height), score_ground, -1)
                legible = colour_distance(graphics.accent, score_ground) > 320
                ink = graphics.accent if legible else graphics.ink
            self._write(panel, text, x + wide * unit // 2, middle, ink)
            x = right

    def _write(self, panel: Canvas, text: str, x: int, y: int, colour: RGB) -> None:
        """Write text centred at a pixel."""
        scale = 0.22 * self._unit
        (wide, tall), _ = cv2.getTextSize(text, _FONT, scale, 1)
        at = (x - wide // 2, y + tall // 2)
        thickness = max(1, self._unit // 3)
        cv2.putText(panel, text, at, _FONT, scale, colour, thickness, cv2.LINE_AA)

    def _render_badge(self, height: int) -> Canvas:
        """Render the replay badge, uint8 `[h, w, 3]`."""
        unit = max(1, round(height / 224 * _SUPERSAMPLING))
        ink, thickness = self._graphics.ink, max(1, unit // 3)
        badge: Canvas = np.full((11 * unit, 42 * unit, 3), self._graphics.panel, np.uint8)
        cv2.rectangle(badge, (0, 0), (2 * unit, 11 * unit), self._graphics.accent, -1)
        scale = 0.24 * unit
        (wide, tall), _ = cv2.getTextSize("REPLAY", _FONT, scale, 1)
        at = (22 * unit - wide // 2, (11 * unit + tall) // 2)
        cv2.putText(badge, "REPLAY", at, _FONT, scale, ink, thickness, cv2.LINE_AA)
        return _downsample(badge)


def _render_caption(caption: Caption, height: int) -> tuple[Canvas, NDArray[np.float32]]:
    """Render a caption: colours, uint8 `[h, w, 3]`, and opacity `[h, w]`, 0 to 1."""
    letters = _render_watermark(caption.text, caption.size * height / 22)
    margin = max(1, round(0.3 * caption.size * height)) if caption.panel else 0
    letters = np.pad(letters, margin)
    cover = letters[..., None].astype(np.float32) / 255
    ground = np.array(caption.panel or caption.ink, np.float32)
    text = ground + (np.array(caption.ink, np.float32) - ground) * cover
    opacity = caption.opacity * (np.ones_like(cover) if caption.panel else cover)
    return text.astype(np.uint8), opacity[..., 0].astype(np.float32)


def _render_disc(disc: Disc, height: int) -> tuple[Canvas, NDArray[np.float32]]:
    """Render a round emblem: colours, uint8 `[h, w, 3]`, and opacity `[h, w]`, 0 to 1."""
    size = max(2, round(disc.size * height)) * _SUPERSAMPLING
    image: Canvas = np.full((size, size, 3), disc.ring or disc.colour, np.uint8)
    alpha: Canvas = np.zeros((size, size), np.uint8)
    middle = (size // 2, size // 2)
    cv2.circle(alpha, middle, size // 2, 255, -1)
    cv2.circle(image, middle, round(0.36 * size) if disc.ring else size, disc.colour, -1)
    return _downsample(image), _downsample(alpha).astype(np.float32) * (disc.opacity / 255)


def _render_watermark(text: str, scale: float) -> Canvas:
    """Render text as alpha, uint8 `[h, w]`."""
    scale = scale * _SUPERSAMPLING
    thickness = max(1, round(1.5 * scale))
    (wide, tall), base = cv2.getTextSize(text, _WATERMARK_FONT, scale, thickness)
    mark: Canvas = np.zeros((tall + base + _SUPERSAMPLING, wide + _SUPERSAMPLING), np.uint8)
    cv2.putText(mark, text, (0, tall), _WATERMARK_FONT, scale, 255, thickness, cv2.LINE_AA)
    return _downsample(mark)


def _downsample(image: Canvas) -> Canvas:
    size = (image.shape[1] // _SUPERSAMPLING, image.shape[0] // _SUPERSAMPLING)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _contrasting(colour: RGB) -> RGB:
    """A neighbouring tone: darker than a light colour, lighter than a dark one."""
    step = -36 if sum(colour) > 380 else 24
    red, green, blue = (min(255, max(0, channel + step)) for channel in colour)
    return red, green, blue


def _region(frame: Canvas, at: tuple[float, float], size: tuple[int, ...]) -> Canvas:
    """View of the part of a frame for something of `size` (height, width).

    Args:
        frame: uint8 `[H, W, 3]`.
        at: position in x and y, as a fraction of the free room: 0 is left or top, 1 right or bottom.
        size: height and width, pixels.
    """
    height, width = size
    x = round(at[0] * max(frame.shape[1] - width, 0))
    y = round(at[1] * max(frame.shape[0] - height, 0))
    return frame[y : y + height, x : x + width]
