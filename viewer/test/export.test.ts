import { describe, expect, it } from "vitest";
import type { Fields } from "../src/export-settings";
import { problemOf, secondsOf, settingsOf } from "../src/export-settings";

const single = { chosen: true, threshold: "", lead: "", lag: "" };
const fields: Fields = {
  threshold: "",
  lead: "",
  lag: "",
  offset: "",
  kickoffs: ["", ""],
  merge: false,
  actions: { PASS: single, SHOT: single },
};

it.each([
  ["12.5", 12.5],
  ["0,4", 0.4],
  ["4:47", 287],
  ["1:02:03.5", 3723.5],
  ["-10:00", -600],
  ["", null],
  ["4:", null],
  ["half", null],
])("the time %o is %o seconds", (text, seconds) => {
  expect(secondsOf(text)).toBe(seconds);
});

it("fields name what is wrong with them", () => {
  expect(problemOf("1.2", "threshold")).toBe("Enter 0 to 1");
  expect(problemOf("-1", "length")).toContain("seconds");
  expect(problemOf("soon", "time")).toContain("4:47");
  expect([problemOf("", "time"), problemOf("-3", "time"), problemOf("0.5", "threshold")]).toEqual([
    "",
    "",
    "",
  ]);
});

describe("settings", () => {
  it("that nobody changed leave everything to the server", () => {
    expect(settingsOf(fields)).toEqual({
      threshold: null,
      thresholds: {},
      actions: null,
      lead_s: null,
      leads_s: {},
      lag_s: null,
      lags_s: {},
      offset_s: 0,
      kickoffs_s: null,
      merge: false,
    });
  });

  it("of single actions go with their names, and only those that are chosen", () => {
    const actions = {
      PASS: { chosen: false, threshold: "0.9", lead: "1", lag: "" },
      SHOT: { chosen: true, threshold: "0.2", lead: "8", lag: "4" },
    };
    expect(settingsOf({ ...fields, kickoffs: ["", "50:00"], actions })).toMatchObject({
      actions: ["SHOT"],
      thresholds: { SHOT: 0.2 },
      leads_s: { SHOT: 8 },
      lags_s: { SHOT: 4 },
      kickoffs_s: { 2: 3000 },
    });
  });

  it("with a wrong field are not sent", () => {
    expect(settingsOf({ ...fields, offset: "later" })).toBeNull();
    const actions = { ...fields.actions, PASS: { ...single, threshold: "7" } };
    expect(settingsOf({ ...fields, actions })).toBeNull();
  });
});
