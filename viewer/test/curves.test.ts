import { describe, expect, it } from "vitest";
import { Curves } from "../src/curves";

function random(count: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return (state >> 8) & 255;
  });
}

function bytes(times: number[], values: Uint8Array[]): ArrayBuffer {
  const buffer = new ArrayBuffer(8 + times.length * (4 + values.length));
  const view = new DataView(buffer);
  view.setUint32(0, times.length, true);
  view.setUint32(4, values.length, true);
  times.forEach((time, i) => view.setUint32(8 + 4 * i, time, true));
  values.forEach((each, action) =>
    new Uint8Array(buffer).set(each, 8 + times.length * (4 + action)),
  );
  return buffer;
}

const TIMES = Array.from({ length: 1003 }, (_, i) => i * 40);
const VALUES = [random(1003, 1), random(1003, 2)];

describe("curves", () => {
  const curves = Curves.parse(bytes(TIMES, VALUES));

  it("are read from the server's bytes", () => {
    expect([...curves.times]).toEqual(TIMES);
    expect(curves.values.map((each) => [...each])).toEqual(VALUES.map((each) => [...each]));
  });

  it.each([
    [0, 1003],
    [1, 2],
    [3, 509],
    [512, 1003],
    [17, 17 + 256],
  ])("have the extremes of the frames from %i to %i", (from, to) => {
    const wanted = [...(VALUES[1] as Uint8Array).slice(from, to)];
    expect(curves.extremes(1, from, to)).toEqual([Math.min(...wanted), Math.max(...wanted)]);
  });

  const highest = (of: Curves, end: number, count: number) =>
    of.columns(0, 0, end, of.bounds(0, end, count)).highest;

  it("show every frame in exactly one column", () => {
    const spike = new Uint8Array(1003);
    spike[700] = 200;
    const columns = highest(new Curves(Uint32Array.from(TIMES), [spike]), 40120, 97);
    expect([...columns].filter((value) => value > 0)).toEqual([200]);
    expect(columns.indexOf(200)).toBe(Math.floor((700 * 40 * 97) / 40120));
  });

  it("rise and fall evenly between frames that are wider than a column", () => {
    const ramp = new Curves(Uint32Array.of(0, 400), [Uint8Array.of(0, 200)]);
    expect([...highest(ramp, 400, 4)]).toEqual([0, 75, 125, 175]);
  });

  it("are 0 where frames are missing", () => {
    const values = new Uint8Array(1005).fill(9);
    const parts = new Curves(Uint32Array.from([...TIMES, 90_000, 90_040]), [values]);
    expect([...highest(parts, 100_000, 10)]).toEqual([9, 9, 9, 9, 9, 0, 0, 0, 0, 9]);
  });

  it("are empty without frames", () => {
    expect([...highest(Curves.parse(bytes([], [])), 1000, 3)]).toEqual([0, 0, 0]);
  });
});
