import { describe, expect, it } from "vitest";
import type { Entry } from "../src/api";
import {
  buildItems,
  count,
  entryOf,
  halfAt,
  isShown,
  missedLabels,
  NO_FILTERS,
  ordered,
  passes,
  reviewOf,
} from "../src/model";
import { comparison, entry, match } from "./sample";

const [PASS, DRIVE, LATER] = match.ids as [string, string, string];
const items = (entries: Record<string, Entry> = {}) =>
  buildItems(match, new Map(Object.entries(entries)));

describe("events with corrections", () => {
  it("are as found without any", () => {
    expect(items().map((each) => [each.id, each.status])).toEqual(
      match.ids.map((id) => [id, "undecided"]),
    );
  });

  it("are at their corrected times, and in order of these", () => {
    const moved = entry({ position_ms: 2500 });
    const list = items({ [PASS]: moved, "added/1": entry({ status: "added", original: null }) });
    expect(list.map((each) => each.position)).toEqual([1080, 2000, 2500, 3040, 3600]);
    expect(list[0]).toMatchObject({ index: -1, status: "added", confidence: 1, changed: false });
    expect(list[2]).toMatchObject({ id: PASS, changed: true, confidence: 0.9 });
  });

  it("keep the event as it was found", () => {
    const [first] = items({ [PASS]: entry({ position_ms: 2500, label: "SHOT" }) }).filter(
      (each) => each.id === PASS,
    );
    expect(entryOf(match, first!, "accepted", { team: 1 })).toEqual(
      entry({ position_ms: 2500, label: "SHOT", team: "right" }),
    );
  });

  it("are shown from the threshold up, and always once they are decided", () => {
    const list = items({ "SHOT/2/3600": entry({ status: "rejected", position_ms: 3600 }) });
    expect(list.map((each) => isShown(match, each, null))).toEqual([true, true, true, true]);
    expect(list.map((each) => isShown(match, each, 0.8))).toEqual([true, false, false, true]);
  });
});

describe("counts", () => {
  it("are those of the chosen threshold", () => {
    expect(count(match, comparison, null, new Set())).toMatchObject({
      shown: 3,
      hits: 2,
      wrong: 1,
      missed: 1,
      precision: 2 / 3,
      recall: 2 / 3,
    });
    expect(count(match, comparison, 0.8, new Set())).toMatchObject({ shown: 1, hits: 1, missed: 2 });
    expect(count(match, comparison, 0.95, new Set())).toMatchObject({ shown: 0, precision: null });
  });

  it("leave out hidden actions and labels that do not count", () => {
    expect(count(match, comparison, null, new Set([1]))).toMatchObject({ wrong: 0, labels: 3 });
    const repeated = { ...comparison, duplicates: [1] };
    expect(count(match, repeated, null, new Set())).toMatchObject({ labels: 2, missed: 0 });
  });

  it("mark the labels that nothing is paired with", () => {
    expect(missedLabels(match, comparison, null)).toEqual([false, true, false]);
    expect(missedLabels(match, comparison, 0.5)).toEqual([false, true, true]);
  });
});

describe("filters", () => {
  const shown = (change: object, entries = {}) =>
    items(entries)
      .filter((each) => passes(each, { ...NO_FILTERS, ...change }, comparison))
      .map((each) => each.id);

  it("choose by action, team, half and status", () => {
    expect(shown({ hidden: new Set([0]) })).toEqual([DRIVE, "SHOT/2/3600"]);
    expect(shown({ team: 0 })).toEqual([LATER]);
    expect(shown({ half: 2 })).toEqual(["SHOT/2/3600"]);
    expect(shown({ status: "hit" })).toEqual([PASS, LATER]);
    expect(shown({ status: "false" })).toEqual([DRIVE, "SHOT/2/3600"]);
    expect(shown({ status: "missed" })).toEqual([]);
    expect(shown({ status: "accepted" }, { [PASS]: entry() })).toEqual([PASS]);
    expect(shown({ status: "changed" }, { [PASS]: entry() })).toEqual([]);
  });
});

describe("the review", () => {
  it("begins with the least certain event, and ends with those that are decided", () => {
    const list = ordered(match, items({ [LATER]: entry({ position_ms: 3040 }) }), "uncertain", null);
    expect(list.map((each) => each.id)).toEqual(["SHOT/2/3600", DRIVE, PASS, LATER]);
  });

  it("counts what is left of the shown events", () => {
    const added = entry({ status: "added", original: null });
    expect(reviewOf(match, items({ [PASS]: entry(), "added/1": added }), null)).toEqual({
      total: 3,
      decided: 1,
    });
  });
});

it("an added event is in the half of the event before it", () => {
  expect([0, 3040, 3600, 9999].map((each) => halfAt(match.events, each))).toEqual([1, 1, 2, 2]);
});
