/** Players and ball drawn over the video: an ellipse at the feet, a box, and the ball with its trail. */

import { useEffect, useRef } from "preact/hooks";
import { getTracks, TEAMS } from "./api";
import type { FrameClock } from "./frames";
import type { Box, Point } from "./tracks";
import { boxOf, rowsAt, TrackParts, trailOf } from "./tracks";

/** Colours on grass, the same in light and dark. */
const TEAM_COLOURS: Record<(typeof TEAMS)[number], string> = {
  left: "#5cb3ff",
  right: "#ff7a6b",
  unknown: "#ffffff",
};
const REFEREE = "#ffe45c";
const BALL = "#ffffff";
const SHADE = "rgb(0 0 0 / 60%)";

interface Props {
  number: number;
  /** The file that is shown, and its clock. */
  file: number;
  clock: FrameClock;
  /** The frame of the file that is on the screen. */
  frame(): number;
  readers: Set<(ms: number, frame: number) => void>;
  failed(reason: string): void;
}

export function TracksOverlay({ number, file, clock, frame, readers, failed }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return undefined;
    const draw = () => {
      // The middle of the frame, so that rounded times belong to their frames.
      const ms = clock.middleOf(frame());
      const found = parts.at(ms);
      const part = found.at(-1);
      element.width = Math.round(element.clientWidth * devicePixelRatio);
      element.height = Math.round(element.clientHeight * devicePixelRatio);
      if (!part || part.time_ms.length === 0) {
        element.dataset.boxes = "";
        return;
      }
      const scale = Math.min(element.width / part.width, element.height / part.height);
      const left = (element.width - part.width * scale) / 2;
      const top = (element.height - part.height * scale) / 2;
      context.setTransform(scale, 0, 0, scale, left, top);
      const [first, stop] = rowsAt(part, ms);
      const boxes = Array.from({ length: stop - first }, (_, i) => boxOf(part, first + i));
      const pixel = devicePixelRatio / scale;
      for (const box of boxes) if (box.kind !== "ball") drawPerson(context, box, pixel);
      drawTrail(context, trailOf(found, ms), pixel);
      for (const box of boxes) if (box.kind === "ball") drawBall(context, box, pixel);
      element.dataset.boxes = stop > first ? `${part.time_ms[first]} ${boxes.length}` : "";
    };
    const parts = new TrackParts((from, to) => getTracks(number, file, from, to), draw, failed);
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    readers.add(draw);
    draw();
    return () => {
      observer.disconnect();
      readers.delete(draw);
    };
  }, [number, file, clock]);
  return <canvas ref={canvas} class="boxes" aria-hidden="true" data-testid="boxes" />;
}

function drawPerson(context: CanvasRenderingContext2D, box: Box, pixel: number): void {
  const team = TEAMS[box.team] ?? "unknown";
  const colour = box.kind === "referee" ? REFEREE : TEAM_COLOURS[team];
  const width = (box.x1 - box.x0) * 0.62;
  context.lineWidth = pixel;
  context.globalAlpha = 0.55;
  context.strokeStyle = colour;
  context.strokeRect(box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0);
  context.globalAlpha = 1;
  context.beginPath();
  // Open at the back, so that it lies on the ground.
  context.ellipse((box.x0 + box.x1) / 2, box.y1, width, width * 0.35, 0, -0.6, Math.PI + 0.6);
  context.lineWidth = 4 * pixel;
  context.strokeStyle = SHADE;
  context.stroke();
  context.lineWidth = 2.2 * pixel;
  context.strokeStyle = colour;
  context.stroke();
}

function drawTrail(context: CanvasRenderingContext2D, trail: Point[], pixel: number): void {
  context.lineCap = "round";
  for (let i = 1; i < trail.length; i++) {
    const [from, to] = [trail[i - 1] as Point, trail[i] as Point];
    context.globalAlpha = (0.85 * i) / trail.length;
    context.strokeStyle = BALL;
    context.lineWidth = 2 * pixel;
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
  }
  context.globalAlpha = 1;
}

function drawBall(context: CanvasRenderingContext2D, box: Box, pixel: number): void {
  const radius = Math.max((box.x1 - box.x0) / 2 + 3 * pixel, 6 * pixel);
  context.beginPath();
  context.arc((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, radius, 0, 2 * Math.PI);
  context.lineWidth = 4 * pixel;
  context.strokeStyle = SHADE;
  context.stroke();
  context.lineWidth = 2 * pixel;
  context.strokeStyle = BALL;
  context.stroke();
}
