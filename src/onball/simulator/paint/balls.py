"""Balls, with the traces that shutter, lens and transmission leave of small and fast ones.

A ball is painted in one of two ways. `_smear` and sharp discs draw the clear ball of the standard look.
A ball with a soft edge (`Ball.softness`) is a mask that is blurred before it is mixed into the canvas:
streaks of long exposures, bloom, and the copies that conversions of the frame rate leave.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from onball.simulator.look.look import Look
from onball.simulator.paint.scene import NEAR, Floats, Scene
from onball.simulator.paint.shapes import FRACTION_BITS, Canvas, Capsules, cv2
from onball.simulator.world import BALL_RADIUS

RIM_COLOUR = (70, 76, 62)
_PATCHED_RADIUS = 4.5  # canvas pixels from which on patches are visible
_PATCHES = np.array([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1), (0, 0, -1.7)]) / np.sqrt(3)
_BLOOM_RADIUS = 2.4  # of the light around an overexposed ball, in radii
_LONGEST = 60.0
"""Longest streak of a soft ball, in its diameters; a longer one is a cut."""


class BallPainter:
    """Painter of balls: never too small to see, and smeared when they are fast.

    Args:
        look: appearance of the match, of which balls and transmission count.
        scale: height of the canvas, as a multiple of 224 lines.
    """

    def __init__(self, look: Look, scale: float) -> None:
        self._look = look.ball
        self._echo = look.transmission
        self._shutter_ms = look.shutter_ms
        self._seed = look.seed
        self._scale = scale
        self._minimum = self._look.smallest * scale
        self._rim = 0.45 * scale * self._look.rim

    def draw(self, canvas: Canvas, scene: Scene, ball: Floats, before: Floats, gain: float) -> None:
        """Paint one ball.

        Args:
            canvas: uint8 `[H, W, 3]`, changed in place.
            scene: projection onto the canvas.
            ball: centre `[3]`, metres; NaN for none.
            before: centre `[3]` when the shutter opened; NaN for no motion blur.
            gain: of the light on the ball.
        """
        if not np.isfinite(ball).all():
            return
        pixel, depth = scene.project(ball)
        size = np.array([scene.width + 50, scene.height + 50])
        if depth < NEAR or (pixel < -50).any() or (pixel > size).any():
            return
        true_radius = BALL_RADIUS * scene.pixels_per_metre / float(depth)
        radius = max(true_radius * self._look.size, self._minimum)
        colour = tuple(int(channel * gain) for channel in self._look.colour)
        motion = np.zeros(2)
        if np.isfinite(before).all():
            past, past_depth = scene.project_at_opening(before)
            length = float(np.linalg.norm(pixel - past))
            if past_depth > NEAR and length < scene.width:
                motion = pixel - past
                if self._look.softness == 0 and length > 0.7 * radius:
                    self._smear(canvas, past, pixel, radius, colour)
                    return
        if self._look.softness > 0:
            self._draw_soft(canvas, scene, ball, pixel, motion, radius, colour)
            return
        centre = np.round(pixel * 2**FRACTION_BITS).astype(int).tolist()
        rim, inner = (round(r * 2**FRACTION_BITS) for r in (radius + self._rim, radius))
        if self._rim > 0:
            cv2.circle(canvas, centre, rim, RIM_COLOUR, -1, cv2.LINE_AA, FRACTION_BITS)
        cv2.circle(canvas, centre, inner, colour, -1, cv2.LINE_AA, FRACTION_BITS)
        if self._look.patches and radius > _PATCHED_RADIUS:
            self._draw_patches(canvas, scene, ball, pixel, radius)

    def _smear(
        self, canvas: Canvas, past: Floats, pixel: Floats, radius: float, colour: tuple[int, ...]
    ) -> None:
        """Paint a translucent streak from past to present; the longer, the fainter."""
        length = float(np.linalg.norm(pixel - past))
        opacity = max(self._look.faintest, 2 * radius / (2 * radius + length))
        low = np.floor(np.minimum(past, pixel) - radius - 2)
        high = np.ceil(np.maximum(past, pixel) + radius + 3)
        x0, y0 = np.maximum(low, 0).astype(int).tolist()
        x1, y1 = np.minimum(high, canvas.shape[1::-1]).astype(int).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        region = canvas[y0:y1, x0:x1]
        for strength, width in ((0.5, 1.0), (1.0, 0.8)):  # a fringe half as strong, then the core
            painted = region.copy()
            shortening = (pixel - past) * (1 - width) / 2
            outline = Capsules(
                (past + shortening - (x0, y0))[None],
                (pixel - shortening - (x0, y0))[None],
                np.full((2, 1), radius * width),
                np.ones(1),
                np.ones(1, np.bool_),
            ).polygons()[0]
            cv2.fillConvexPoly(painted, outline, colour, cv2.LINE_AA, FRACTION_BITS)
            alpha = strength * opacity
            cv2.addWeighted(painted, alpha, region, 1 - alpha, 0, dst=region)

    def _draw_soft(
        self,
        canvas: Canvas,
        scene: Scene,
        ball: Floats,
        pixel: Floats,
        motion: Floats,
        radius: float,
        colour: tuple[int, ...],
    ) -> None:
        """Paint a ball with a soft edge, its streak, its bloom and its echo.

        The exposure is centred on the time of the frame: the streak reaches as far ahead of the true
        position as behind it, so that the middle of what is seen is where the ball is.
        """
        look, time_ms = self._look, scene.state.time_ms
        streak = motion * look.streak
        length = float(np.linalg.norm(streak))
        streak = streak * min(1.0, 2 * _LONGEST * radius / max(length, 1e-6))
        fading = 2 * radius / (2 * radius + look.density * length)
        opacity = max(look.faintest, fading) if length > 0.7 * radius else 1.0
        opacity *= 1 - look.flicker * self._draw_uniform(time_ms, 1)
        if length <= 0.7 * radius and self._rim > 0:
            self._mix(canvas, pixel, np.zeros(2), radius + self._rim, RIM_COLOUR, opacity)
        for centre, share, field in self._copies(pixel, motion, time_ms):
            if look.bloom > 0:
                bloom = look.bloom * share * opacity
                wide, blur = _BLOOM_RADIUS * radius, 0.5 * radius
                self._mix(canvas, centre, streak, wide, colour, bloom, field, blur)
            self._mix(canvas, centre, streak, radius, colour, share * opacity, field)
        if length < radius and look.patches and radius > _PATCHED_RADIUS:
            self._draw_patches(canvas, scene, ball, pixel, radius)

    def _copies(
        self, pixel: Floats, motion: Floats, time_ms: int
    ) -> Iterator[tuple[Floats, float, int | None]]:
        """Centre, opacity and field of each copy of the ball in the frame: one, or two with an echo."""
        echo = self._echo
        distance = motion * (echo.echo_ms / max(self._shutter_ms, 1.0))
        if self._draw_uniform(time_ms, 2) >= echo.echo or not np.abs(distance).max() > 0.5:
            yield pixel, 1.0, None
        elif echo.fields:
            yield pixel + distance / 2, 1.0, 0
            yield pixel - distance / 2, 1.0, 1
        else:
            # The clearer copy is where the ball is: between the two, there may be nothing.
            share = 0.15 + 0.3 * self._draw_uniform(time_ms, 3)
            yield pixel - distance, share, None
            yield pixel, 1 - share, None

    def _draw_uniform(self, time_ms: int, purpose: int) -> float:
        """A number from 0 to 1 that depends on the match, the time and what it is for."""
        mixed = (time_ms * 0x9E3779B1 + purpose * 0x85EBCA6B + self._seed * 0xC2B2AE35) % 2**32
        mixed = (mixed ^ mixed >> 15) * 0x2C1B3C6D % 2**32
        return (mixed ^ mixed >> 13) / 2**32

    def _mix(
        self,
        canvas: Canvas,
        centre: Floats,
        streak: Floats,
        radius: float,
        colour: tuple[int, ...],
        opacity: float,
        field: int | None = None,
        blur: float = 0.0,
    ) -> None:
        """Mix a blurred capsule around `centre`, as long as `streak`, into the canvas.

        `field` restricts it to one of two interlaced fields, of pairs of rows of the canvas: 0 or 1.
        """
        sigma = self._look.softness * self._scale + blur
        margin = 2.5 * sigma + radius + 2
        # A streak is thinner than the ball: its sides are exposed for a shorter time.
        thin = 1 - 0.2 * min(1.0, float(np.linalg.norm(streak)) / (4 * radius))
        ends = np.stack([centre - streak / 2, centre + streak / 2])
        x0, y0 = np.maximum(np.floor(ends.min(0) - margin), 0).astype(int).tolist()
        high = np.minimum(np.ceil(ends.max(0) + margin), canvas.shape[1::-1])
        x1, y1 = high.astype(int).tolist()
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        outline = Capsules(
            (ends[:1] - (x0, y0)),
            (ends[1:] - (x0, y0)),
            np.full((2, 1), radius * thin),
            np.ones(1),
            np.ones(1, np.bool_),
        ).polygons()[0]
        cv2.fillConvexPoly(mask, outline, 255, cv2.LINE_AA, FRACTION_BITS)
        if sigma > 0.2:
            mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma), np.uint8)
        alpha = mask[..., None].astype(np.float32) * (opacity / 255)
        # Lit from above: the lower part is darker, which a streak does not show.
        below = (np.arange(y0, y1) - centre[1]) / radius
        light = 1 - self._look.shading * np.clip(0.5 * below, -0.2, 1) * (thin > 0.9)
        target = light[:, None, None].astype(np.float32) * np.array(colour, np.float32)
        region = canvas[y0:y1, x0:x1]
        painted = region + alpha * (target - region)
        if field is not None:
            shown = np.arange(y0, y1) // 2 % 2 == field
            painted = np.where(shown[:, None, None], painted, region)
        region[:] = np.clip(painted, 0, 255)

    def _draw_patches(
        self, canvas: Canvas, scene: Scene, ball: Floats, pixel: Floats, radius: float
    ) -> None:
        """Paint dark patches that rotate as the ball rolls over the ground."""
        turns = ball[:2] / BALL_RADIUS
        (cx, sx), (cy, sy) = ((np.cos(a), np.sin(a)) for a in turns)
        roll = np.array([[cx, 0, sx], [sx * sy, cy, -cx * sy], [-sx * cy, sy, cx * cy]])
        patches = _PATCHES @ roll.T @ scene.camera.rotation.T
        for x, y, away in patches.tolist():
            if away > -0.15:
                continue
            offset = 0.8 * radius * np.array([x, y])
            centre = np.round((pixel + offset) * 2**FRACTION_BITS).astype(int)
            size = round(0.30 * radius * -away * 2**FRACTION_BITS)
            cv2.circle(
                canvas, centre.tolist(), size, self._look.patch, -1, cv2.LINE_AA, FRACTION_BITS
            )
