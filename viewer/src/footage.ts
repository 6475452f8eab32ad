/** The files of a match, and the clock that counts their frames. */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { Footage, Match } from "./api";
import { getFrames } from "./api";
import type { MatchClock } from "./frames";
import { joinedClock, listedClock, steadyClock } from "./frames";

/** Frames per second without a video, for steps of one frame. */
const NO_VIDEO_FPS = 25;
/** Frames are counted this far while a video is recorded, in seconds. */
const LONGEST_RECORDING_S = 36_000;

/** The files of a match that can be shown; null if there are none. */
export function footageOf(match: Match): Footage | null {
  const { video } = match;
  return video === null || video.error !== undefined ? null : video;
}

/** Length of a match in milliseconds: up to the end of its video, or its last event. */
export function durationOf(match: Match): number {
  const grown = match.growing?.done_ms ?? 0;
  const last = Math.max(0, ...[match.events, match.truth].flatMap((c) => c?.position_ms.slice(-1) ?? []));
  return Math.max(footageOf(match)?.duration_ms ?? 0, grown, last + 1000, 1000);
}

/** The clock of a match, and true once the times of all frames are known. */
export function useMatchClock(
  match: Match,
  number: number,
  duration: number,
  failed: (reason: string) => void,
): [MatchClock, boolean] {
  const footage = footageOf(match);
  const [times, setTimes] = useState<ReadonlyMap<number, number[]>>(new Map());
  const listed = footage?.recorded === null ? footage.files.map((file) => file.variable_rate) : [];

  useEffect(() => {
    let current = true;
    listed.forEach((needed, file) => {
      if (!needed) return;
      getFrames(number, file).then(
        (found) => current && setTimes((former) => new Map([...former, [file, found]])),
        (problem: Error) => current && failed(problem.message),
      );
    });
    return () => {
      current = false;
    };
  }, [match.video, number]);

  const clock = useMemo(() => {
    if (!footage) {
      const count = Math.ceil((duration * NO_VIDEO_FPS) / 1000);
      return joinedClock([{ start: 0, clock: steadyClock(NO_VIDEO_FPS, count) }]);
    }
    return joinedClock(
      footage.files.map((file, index) => {
        const frames = footage.recorded === null ? file.frames : file.fps * LONGEST_RECORDING_S;
        const known = times.get(index);
        return {
          start: file.start_ms,
          clock: known ? listedClock(known, file.duration_ms) : steadyClock(file.fps, frames),
        };
      }),
    );
  }, [match.video, footage ? 0 : duration, times]);
  return [clock, listed.every((needed, file) => !needed || times.has(file))];
}
