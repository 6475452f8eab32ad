/** Tracks of players and ball: which boxes belong to a frame, and the parts of them that are loaded. */

import type { TrackPart } from "./api";
import { lastIndex } from "./frames";

/** Length of the parts that are loaded. */
export const PART_MS = 10_000;
/** Parts that are kept in memory. */
const MOST_PARTS = 12;
export const TRAIL_MS = 800;
/** Fraction of the frame's width that a ball moves at most between two frames of a trail. */
const FASTEST = 0.15;

export interface Box {
  kind: string;
  team: number;
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

export type Point = [x: number, y: number];

/** Range of the rows of the frame that was detected last at a time; empty if that is too long ago. */
export function rowsAt(part: TrackPart, ms: number): [number, number] {
  const stop = lastIndex(part.time_ms, ms) + 1;
  const time = part.time_ms[stop - 1];
  if (time === undefined || ms - time >= 1000 / part.fps) return [0, 0];
  return [lastIndex(part.time_ms, time - 1) + 1, stop];
}

export function boxOf(part: TrackPart, row: number): Box {
  const [x0, y0, x1, y1] = part.boxes.slice(4 * row, 4 * row + 4) as [number, number, number, number];
  return { kind: part.kinds[part.kind[row] as number] ?? "", team: part.team[row] as number, x0, y0, x1, y1 };
}

/** Places of the ball up to a time, the last one last: not before a cut, nor before a jump. */
export function trailOf(parts: TrackPart[], ms: number): Point[] {
  let trail: Point[] = [];
  for (const part of parts) {
    const ball = part.kinds.indexOf("ball");
    const first = lastIndex(part.time_ms, ms - TRAIL_MS - 1) + 1;
    const stop = lastIndex(part.time_ms, ms) + 1;
    let before = -1;
    for (let row = first; row < stop; row++) {
      if (part.kind[row] !== ball) continue;
      const time = part.time_ms[row] as number;
      const box = boxOf(part, row);
      const place: Point = [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2];
      const last = trail.at(-1);
      const cut = part.cuts_ms.some((each) => each > before && each <= time);
      const far = last && Math.hypot(place[0] - last[0], place[1] - last[1]) > FASTEST * part.width;
      if (cut || far) trail = [];
      trail.push(place);
      before = time;
    }
  }
  return trail;
}

/** Parts of the tracks of a match, loaded before they are needed. */
export class TrackParts {
  private readonly parts = new Map<number, TrackPart | null>();

  constructor(
    private readonly load: (from: number, to: number) => Promise<TrackPart>,
    private readonly loaded: () => void,
    private readonly failed: (reason: string) => void,
  ) {}

  /** The part of a time and the one before it, as far as they are loaded; the next one is asked for. */
  at(ms: number): TrackPart[] {
    const index = Math.max(0, Math.floor(ms / PART_MS));
    this.want(index);
    if (ms % PART_MS > PART_MS / 2) this.want(index + 1);
    return [index - 1, index].flatMap((each) => this.parts.get(each) ?? []);
  }

  private want(index: number): void {
    if (this.parts.has(index)) return;
    this.parts.set(index, null);
    this.load(index * PART_MS, (index + 1) * PART_MS).then(
      (part) => {
        this.parts.set(index, part);
        for (const old of [...this.parts.keys()].slice(0, -MOST_PARTS)) this.parts.delete(old);
        this.loaded();
      },
      (error: Error) => this.failed(error.message),
    );
  }
}
