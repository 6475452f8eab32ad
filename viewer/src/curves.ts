/** Curves of a match: the confidence of each action at each sampled frame, quick to draw. */

import { lastIndex } from "./frames";

/** Frames in a bin of the first level; each level has bins of twice as many frames. */
const FIRST_BIN = 4;
/** A gap of this many times the usual distance between frames is not bridged. */
const GAP = 5;

interface Level {
  lowest: Uint8Array;
  highest: Uint8Array;
}

/** Lowest and highest value of a curve, from 0 to 255, in each column of pixels. */
export interface Extremes {
  lowest: Uint8Array;
  highest: Uint8Array;
}

export class Curves {
  /** Lowest and highest values of bins of 4, 8, 16 … frames of each action, made when first drawn. */
  private readonly levels: Level[][] = [];

  constructor(
    readonly times: Uint32Array,
    /** Values of each action, from 0 to 255. */
    readonly values: Uint8Array[],
  ) {}

  /** Read the server's bytes: frames, actions, times, values of one action after the other. */
  static parse(buffer: ArrayBuffer): Curves {
    const head = new DataView(buffer);
    const frames = head.getUint32(0, true);
    const actions = head.getUint32(4, true);
    const times = Uint32Array.from({ length: frames }, (_, i) => head.getUint32(8 + 4 * i, true));
    const begin = 8 + 4 * frames;
    const values = Array.from(
      { length: actions },
      (_, action) => new Uint8Array(buffer, begin + action * frames, frames),
    );
    return new Curves(times, values);
  }

  /** First frame at or after a time. */
  frameFrom(ms: number): number {
    return lastIndex(this.times, Math.ceil(ms) - 1) + 1;
  }

  /** Usual distance between two frames in milliseconds. */
  get step(): number {
    const { times } = this;
    return times.length > 1 ? ((times.at(-1) as number) - (times[0] as number)) / (times.length - 1) : 1;
  }

  /** True if a frame and the one before it are not neighbours. */
  gapBefore(frame: number): boolean {
    const distance = (this.times[frame] as number) - (this.times[frame - 1] as number);
    return distance > GAP * this.step;
  }

  /** First frame in each column of equal width between two times, and the one after the last. */
  bounds(start: number, end: number, count: number): Int32Array {
    const width = (end - start) / count;
    return Int32Array.from({ length: count + 1 }, (_, i) => this.frameFrom(start + width * i));
  }

  /**
   * Extremes of a curve in columns between two times, with one of `bounds` for each.
   *
   * A column between two frames has the value between theirs, or 0 if frames are missing there.
   */
  columns(action: number, start: number, end: number, bounds: Int32Array): Extremes {
    const count = bounds.length - 1;
    const found = { lowest: new Uint8Array(count), highest: new Uint8Array(count) };
    const values = this.values[action];
    if (!values) return found;
    for (let column = 0; column < count; column++) {
      const first = bounds[column] as number;
      const stop = bounds[column + 1] as number;
      const [low, high] =
        stop > first
          ? this.extremes(action, first, stop)
          : this.between(values, first, start + ((end - start) * (column + 0.5)) / count);
      found.lowest[column] = low;
      found.highest[column] = high;
    }
    return found;
  }

  /** Value at a time before a frame and after the one before it. */
  private between(values: Uint8Array, frame: number, ms: number): [number, number] {
    if (!frame || frame >= values.length || this.gapBefore(frame)) return [0, 0];
    const from = this.times[frame - 1] as number;
    const part = (ms - from) / ((this.times[frame] as number) - from);
    const before = values[frame - 1] as number;
    const value = before + ((values[frame] as number) - before) * part;
    return [value, value];
  }

  /** Lowest and highest value of the frames from one to before another. */
  extremes(action: number, from: number, to: number): [number, number] {
    const values = this.values[action] as Uint8Array;
    let low = 255;
    let high = 0;
    let frame = from;
    while (frame < to) {
      let level = -1;
      let size = 1;
      for (let bin = FIRST_BIN; frame % bin === 0 && frame + bin <= to; bin *= 2) {
        level++;
        size = bin;
      }
      if (level < 0) {
        const value = values[frame] as number;
        if (value < low) low = value;
        if (value > high) high = value;
      } else {
        const { lowest, highest } = this.level(action, level);
        const index = frame / size;
        if ((lowest[index] as number) < low) low = lowest[index] as number;
        if ((highest[index] as number) > high) high = highest[index] as number;
      }
      frame += size;
    }
    return [low, high];
  }

  private level(action: number, level: number): Level {
    const made = (this.levels[action] ??= []);
    while (made.length <= level) {
      const finer = made.at(-1);
      const lower = finer?.lowest ?? (this.values[action] as Uint8Array);
      const higher = finer?.highest ?? lower;
      const size = finer ? 2 : FIRST_BIN;
      const count = Math.floor(lower.length / size);
      const next = { lowest: new Uint8Array(count), highest: new Uint8Array(count) };
      for (let i = 0; i < count; i++) {
        let low = 255;
        let high = 0;
        for (let j = i * size; j < (i + 1) * size; j++) {
          low = Math.min(low, lower[j] as number);
          high = Math.max(high, higher[j] as number);
        }
        next.lowest[i] = low;
        next.highest[i] = high;
      }
      made.push(next);
    }
    return made[level] as Level;
  }
}

/** Opacity of the area below a curve and of its line, of 255. */
const AREA = 70;
const LINE = 215;

/**
 * Draws curves into pixels, which takes as long for noise as for silence: a canvas needs many times
 * longer for the same rectangles or paths.
 */
export class CurveImage {
  private readonly canvas = document.createElement("canvas");
  private readonly context = this.canvas.getContext("2d");
  private image: ImageData | null = null;
  private pixels = new Uint32Array(0);

  /** Begin with an empty image of a size in pixels. */
  clear(width: number, height: number): void {
    if (this.image?.width !== width || this.image.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.image = new ImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(0);
  }

  /** Draw a curve over the whole width, with the value 255 at `room` pixels above the row `bottom`. */
  draw({ lowest, highest }: Extremes, colour: string, bottom: number, room: number): void {
    const { pixels } = this;
    const width = this.image?.width ?? 0;
    const [area, line] = [paint(colour, AREA), paint(colour, LINE)];
    const rows = (value: number) => Math.round((value * room) / 255);
    let [before, above] = [rows(lowest[0] ?? 0), rows(highest[0] ?? 0)];
    for (let x = 0; x < width; x++) {
      const low = rows(lowest[x] as number);
      const high = rows(highest[x] as number);
      // The line goes on from that of the column before.
      const from = Math.max(0, Math.min(low, above) - 1);
      const to = high || before ? Math.max(high, before) : 0;
      for (let row = 0; row < to; row++) {
        pixels[(bottom - 1 - row) * width + x] = row < from ? area : line;
      }
      before = low;
      above = high;
    }
  }

  /** Copy the image onto a canvas, pixel by pixel. */
  show(target: CanvasRenderingContext2D, x: number, y: number): void {
    if (!this.image || !this.context) return;
    this.context.putImageData(this.image, 0, 0);
    target.drawImage(this.canvas, x, y);
  }
}

/** A colour `#rrggbb` as a pixel of `ImageData`, which has its bytes in the order of the machine. */
function paint(colour: string, opacity: number): number {
  const value = /^#[0-9a-f]{6}$/i.test(colour) ? parseInt(colour.slice(1), 16) : 0x808080;
  const bytes = Uint8Array.of(value >> 16, (value >> 8) & 255, value & 255, opacity);
  return new Uint32Array(bytes.buffer)[0] as number;
}
