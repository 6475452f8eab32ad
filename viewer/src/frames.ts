/** Frames and times. A time belongs to the frame that is shown at it: times are rounded down. */

export interface FrameClock {
  readonly count: number;
  /** Index of the frame that is shown at a time in milliseconds since the first frame. */
  frameAt(ms: number): number;
  /** Time at which a frame appears. */
  startOf(frame: number): number;
  /** A time at which a frame is shown for certain, whatever the rounding of the player. */
  middleOf(frame: number): number;
}

/** Positions are whole milliseconds: that of a frame is up to half of one away from its time. */
const ROUNDING_MS = 0.5;

export function steadyClock(fps: number, count: number): FrameClock {
  const last = Math.max(0, count - 1);
  const clamp = (frame: number) => Math.min(last, Math.max(0, frame));
  return {
    count,
    frameAt: (ms) => clamp(Math.floor(((ms + ROUNDING_MS) * fps) / 1000 + 1e-6)),
    startOf: (frame) => (clamp(frame) * 1000) / fps,
    middleOf: (frame) => ((clamp(frame) + 0.5) * 1000) / fps,
  };
}

/** Clock of a video with a variable rate, from the times of its frames. */
export function listedClock(times: number[], durationMs: number): FrameClock {
  const last = Math.max(0, times.length - 1);
  const clamp = (frame: number) => Math.min(last, Math.max(0, frame));
  const start = (frame: number) => times[clamp(frame)] ?? 0;
  const end = (frame: number) => times[frame + 1] ?? Math.max(durationMs, start(last) + 1);
  return {
    count: times.length,
    frameAt: (ms) => clamp(lastIndex(times, ms + ROUNDING_MS)),
    startOf: start,
    middleOf: (frame) => (start(frame) + end(clamp(frame))) / 2,
  };
}

/** The clock of a match that is in one or several files: frames are counted through all of them. */
export interface MatchClock extends FrameClock {
  readonly files: readonly { start: number; clock: FrameClock }[];
  /** File of a frame, and its number in this file. */
  locate(frame: number): [file: number, own: number];
  /** The first frame of a file. */
  firstOf(file: number): number;
}

/** Join the clocks of files, each with the time of the match at which it begins. */
export function joinedClock(files: { start: number; clock: FrameClock }[]): MatchClock {
  const firsts: number[] = [];
  let count = 0;
  for (const file of files) {
    firsts.push(count);
    count += file.clock.count;
  }
  const starts = files.map((file) => file.start);
  const at = (index: number) => files[index] as { start: number; clock: FrameClock };
  const locate = (frame: number): [number, number] => {
    const file = Math.max(0, lastIndex(firsts, Math.max(0, frame)));
    return [file, frame - (firsts[file] as number)];
  };
  const timeOf = (frame: number, read: (clock: FrameClock, own: number) => number) => {
    const [file, own] = locate(frame);
    return at(file).start + read(at(file).clock, own);
  };
  return {
    files,
    count,
    locate,
    firstOf: (file) => firsts[file] ?? 0,
    frameAt: (ms) => {
      const file = Math.max(0, lastIndex(starts, ms + ROUNDING_MS));
      return (firsts[file] as number) + at(file).clock.frameAt(ms - at(file).start);
    },
    startOf: (frame) => timeOf(frame, (clock, own) => clock.startOf(own)),
    middleOf: (frame) => timeOf(frame, (clock, own) => clock.middleOf(own)),
  };
}

/** Index of the last value that is not above a limit, in ascending values; -1 if all are. */
export function lastIndex(values: ArrayLike<number>, limit: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Format a time as `1:02:03.480` or `02:03.480`. */
export function clock(ms: number, digits = 3): string {
  const whole = Math.max(0, digits ? Math.round(ms) : Math.floor(ms / 1000) * 1000);
  const seconds = Math.floor(whole / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const fraction = digits ? `.${pad(whole % 1000, 3).slice(0, digits)}` : "";
  return `${hours ? `${hours}:` : ""}${pad(minutes)}:${pad(seconds % 60)}${fraction}`;
}
