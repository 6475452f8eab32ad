import { describe, expect, it } from "vitest";
import { clock, joinedClock, lastIndex, listedClock, steadyClock } from "../src/frames";

describe("frames of a constant rate", () => {
  it.each([24, 25, 30000 / 1001, 50, 60000 / 1001, 12.5])(
    "are found at their rounded positions and at their middles, at %f fps",
    (fps) => {
      const frames = steadyClock(fps, 200_000);
      for (const frame of [0, 1, 2, 3, 7, 1000, 54_321, 199_999]) {
        const position = Math.round((frame * 1000) / fps);
        expect(frames.frameAt(position)).toBe(frame);
        expect(frames.frameAt(frames.middleOf(frame))).toBe(frame);
        expect(frames.frameAt(frames.startOf(frame))).toBe(frame);
      }
    },
  );

  it("belong to a time until the next one begins", () => {
    const frames = steadyClock(25, 100);
    expect([0, 39, 40, 79, 80].map(frames.frameAt)).toEqual([0, 0, 1, 1, 2]);
    expect([-50, 1e9].map(frames.frameAt)).toEqual([0, 99]);
  });
});

describe("frames of a variable rate", () => {
  const frames = listedClock([0, 10, 150, 160], 300);

  it("are those that are shown at a time", () => {
    expect([0, 9, 10, 149, 150, 155, 160, 1000].map(frames.frameAt)).toEqual([
      0, 0, 1, 1, 2, 2, 3, 3,
    ]);
  });

  it("have their middles between neighbours, the last one before the end", () => {
    expect([0, 1, 2, 3].map(frames.middleOf)).toEqual([5, 80, 155, 230]);
  });
});

it("a search finds the last value up to a limit", () => {
  expect([0, 1, 2, 5, 9].map((limit) => lastIndex([1, 1, 5], limit))).toEqual([-1, 1, 1, 2, 2]);
});

it("times are formatted with hours only where there are some", () => {
  expect([clock(0), clock(62_480), clock(3_723_005)]).toEqual(["00:00.000", "01:02.480", "1:02:03.005"]);
  expect([clock(62_999, 0), clock(62_480, 2)]).toEqual(["01:02", "01:02.48"]);
});

describe("frames of a match in several files", () => {
  const frames = joinedClock([
    { start: 0, clock: steadyClock(25, 100) },
    { start: 4000, clock: listedClock([0, 10, 150, 160], 300) },
    { start: 4300, clock: steadyClock(50, 10) },
  ]);

  it("are counted through all of them", () => {
    expect(frames.count).toBe(114);
    expect([0, 99, 100, 103, 104, 113].map(frames.locate)).toEqual([
      [0, 0],
      [0, 99],
      [1, 0],
      [1, 3],
      [2, 0],
      [2, 9],
    ]);
    expect([0, 1, 2].map(frames.firstOf)).toEqual([0, 100, 104]);
  });

  it("belong to the times of the match", () => {
    expect([-5, 0, 3999, 4000, 4009, 4010, 4299, 4300, 4320, 9999].map(frames.frameAt)).toEqual([
      0, 0, 99, 100, 100, 101, 103, 104, 105, 113,
    ]);
    for (let frame = 0; frame < frames.count; frame++) {
      expect(frames.frameAt(Math.round(frames.startOf(frame)))).toBe(frame);
      expect(frames.frameAt(frames.middleOf(frame))).toBe(frame);
    }
  });
});
