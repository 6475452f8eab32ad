import { describe, expect, it } from "vitest";
import type { Growing, GrowingEvent } from "../src/growing";
import { grown } from "../src/growing";
import { duration } from "../src/growing-strip";
import { match } from "./sample";

const event = (position_ms: number, label = "PASS"): GrowingEvent => ({
  id: `${label}/1/${position_ms}`,
  position_ms,
  label,
  confidence: 0.5,
  team: "left",
  half: 1,
});

const growing = (events: GrowingEvent[], count: number): Growing => ({
  kind: "spotting",
  title: "",
  state: "running",
  error: "",
  done_ms: 5000,
  total_ms: 10000,
  speed: null,
  left_s: null,
  count,
  events,
  notices: [],
  recorded: null,
});

const empty = {
  ...match,
  ids: [],
  events: { position_ms: [], label: [], confidence: [], team: [], half: [] },
};

describe("a match that grows", () => {
  it("gets further events at the end, with the classes and teams by number", () => {
    const first = grown(empty, growing([event(1000)], 1));
    const second = grown(first, growing([event(2000, "SHOT")], 2));
    expect(second.ids).toEqual(["PASS/1/1000", "SHOT/1/2000"]);
    expect(second.events.label).toEqual([0, 2]);
    expect(second.events.team).toEqual([0, 0]);
    expect(second.growing?.count).toBe(2);
  });

  it("takes no event twice", () => {
    const first = grown(empty, growing([event(1000), event(2000)], 2));
    const again = grown(first, growing([event(2000), event(3000)], 3));
    expect(again.events.position_ms).toEqual([1000, 2000, 3000]);
  });

  it("keeps its columns if there is nothing new, so that nothing is drawn again", () => {
    const first = grown(empty, growing([event(1000)], 1));
    const same = grown(first, growing([], 1));
    expect(same.events).toBe(first.events);
    expect(same.ids).toBe(first.ids);
  });
});

it("durations are rounded to what can be read at a glance", () => {
  expect([44.2, 120, 5000, 7500].map(duration)).toEqual(["45 s", "2 min", "83 min", "2 h 05 min"]);
});
