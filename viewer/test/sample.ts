import type { Comparison, Entry, Match } from "../src/api";

/** A match with three labels and four events, of which three reach the threshold. */
export const match: Match = {
  name: "cup final",
  classes: ["PASS", "DRIVE", "SHOT"].map((name) => ({ name, colour: "#123456", headline: true })),
  events: {
    position_ms: [1080, 2000, 3040, 3600],
    label: [0, 1, 0, 2],
    confidence: [0.9, 0.7, 0.4, 0.05],
    team: [2, 2, 0, 2],
    half: [1, 1, 1, 2],
  },
  truth: {
    position_ms: [1000, 2000, 3000],
    label: [0, 2, 0],
    confidence: [1, 1, 1],
    team: [2, 2, 0],
    half: [1, 1, 1],
  },
  ids: ["PASS/1/1080", "DRIVE/1/2000", "PASS/1/3040", "SHOT/2/3600"],
  corrects: "predictions",
  kickoffs_ms: [],
  curves: false,
  thresholds: [0.3, 0.3, 0.3],
  model: "demo",
  video: null,
  corrections: {
    version: 0,
    entries: {},
    agreement: {} as never,
  },
  corrections_file: "corrections.json",
  key: "0123",
  growing: null,
};

export const comparison: Comparison = {
  tolerance_s: 1,
  pairs: [0, -1, 2, -1],
  duplicates: [],
  means: {},
  ap: {},
  labels: {},
  curves: {},
};

export function entry(change: Partial<Entry> = {}): Entry {
  return {
    status: "accepted",
    position_ms: 1080,
    label: "PASS",
    team: "unknown",
    half: 1,
    original: { position_ms: 1080, label: "PASS", confidence: 0.9, team: "unknown", half: 1 },
    ...change,
  };
}
