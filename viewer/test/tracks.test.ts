import { describe, expect, it } from "vitest";
import type { TrackPart } from "../src/api";
import { boxOf, rowsAt, TrackParts, trailOf } from "../src/tracks";

/** A player and a ball in each frame of 40 ms; no frame at 120 ms. */
const times = [0, 40, 80, 160];
const part: TrackPart = {
  width: 100,
  height: 60,
  fps: 25,
  cuts_ms: [],
  kinds: ["player", "ball"],
  time_ms: times.flatMap((time) => [time, time]),
  kind: times.flatMap(() => [0, 1]),
  team: times.flatMap(() => [1, 2]),
  boxes: times.flatMap((time) => [10, 10, 20, 40, time / 10, 30, time / 10 + 2, 32]),
};

describe("boxes of a frame", () => {
  it.each([
    [20, [0, 2]],
    [60, [2, 4]],
    [100, [4, 6]],
    [140, [0, 0]],
    [180, [6, 8]],
    [5000, [0, 0]],
  ])("at %i ms are those that were detected in it", (ms, rows) => {
    expect(rowsAt(part, ms)).toEqual(rows);
  });

  it("stay until the next detection where fewer frames were searched", () => {
    expect(rowsAt({ ...part, fps: 12.5 }, 140)).toEqual([4, 6]);
  });

  it("have their kind, team and sides", () => {
    expect(boxOf(part, 3)).toEqual({ kind: "ball", team: 2, x0: 4, y0: 30, x1: 6, y1: 32 });
  });
});

describe("the trail of the ball", () => {
  it("ends at the time", () => {
    expect(trailOf([part], 60)).toEqual([
      [1, 31],
      [5, 31],
    ]);
  });

  it("begins after a cut and after a jump", () => {
    expect(trailOf([{ ...part, cuts_ms: [80] }], 170)).toHaveLength(2);
    const boxes = part.boxes.map((side, i) => (i >= 28 && i % 2 === 0 ? side + 60 : side));
    expect(trailOf([{ ...part, boxes }], 170)).toEqual([[77, 31]]);
  });
});

it("parts are loaded once, and the next one before its time", async () => {
  const asked: number[] = [];
  let drawn = 0;
  const load = async (from: number) => {
    asked.push(from);
    return part;
  };
  const parts = new TrackParts(load, () => drawn++, () => undefined);
  expect(parts.at(100)).toEqual([]);
  await Promise.resolve();
  await Promise.resolve();
  expect([parts.at(200).length, drawn, asked]).toEqual([1, 1, [0]]);
  parts.at(6000);
  expect(asked).toEqual([0, 10_000]);
});
