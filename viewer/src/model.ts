/** The events of a match with their corrections: what is shown, in which order, and what is counted. */

import type { TruthMark } from "./timeline";
import type { Columns, Comparison, Entry, Match, TeamName } from "./api";
import { TEAMS } from "./api";

export type ItemStatus = "undecided" | "accepted" | "rejected" | "added";
export type Verdict = "hit" | "false" | "ignored" | "none";

export interface Item {
  id: string;
  /** Index among the events of the file; -1 for an event that was added. */
  index: number;
  position: number;
  label: number;
  team: number;
  half: number;
  confidence: number;
  status: ItemStatus;
  /** True if it differs from what was found. */
  changed: boolean;
}

export type StatusFilter =
  | "all"
  | "undecided"
  | "accepted"
  | "changed"
  | "rejected"
  | "added"
  | "hit"
  | "false"
  | "missed";

export interface Filters {
  hidden: ReadonlySet<number>;
  team: number | null;
  half: number | null;
  status: StatusFilter;
}

export const NO_FILTERS: Filters = { hidden: new Set(), team: null, half: null, status: "all" };

/** Lowest confidence: one for all actions, or null for those that the model suggests. */
export type Threshold = number | null;

export type Entries = ReadonlyMap<string, Entry>;

/** All events, found and added, in order of time. */
export function buildItems(match: Match, entries: Entries): Item[] {
  const { events, ids } = match;
  const labels = new Map(match.classes.map((each, index) => [each.name, index]));
  const items: Item[] = [];
  const known = new Set(ids);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as string;
    const entry = entries.get(id);
    items.push(
      entry
        ? itemOf(id, i, entry, labels, events.confidence[i] as number)
        : {
            id,
            index: i,
            position: events.position_ms[i] as number,
            label: events.label[i] as number,
            team: events.team[i] as number,
            half: events.half[i] as number,
            confidence: events.confidence[i] as number,
            status: "undecided",
            changed: false,
          },
    );
  }
  for (const [id, entry] of entries) {
    if (!known.has(id)) items.push(itemOf(id, -1, entry, labels, entry.original?.confidence ?? 1));
  }
  return items.sort((a, b) => a.position - b.position || a.label - b.label);
}

function itemOf(
  id: string,
  index: number,
  entry: Entry,
  labels: Map<string, number>,
  confidence: number,
): Item {
  const { original } = entry;
  return {
    id,
    index,
    position: entry.position_ms,
    label: labels.get(entry.label) ?? 0,
    team: TEAMS.indexOf(entry.team),
    half: entry.half,
    confidence,
    status: entry.status,
    changed:
      original !== null &&
      entry.status === "accepted" &&
      (original.position_ms !== entry.position_ms ||
        original.label !== entry.label ||
        original.team !== entry.team),
  };
}

/** The entry of an event with some changes. */
export function entryOf(
  match: Match,
  item: Item,
  status: Entry["status"],
  change: Partial<Pick<Item, "position" | "label" | "team">> = {},
  former?: Entry,
): Entry {
  const changed = { ...item, ...change };
  const name = (label: number) => match.classes[label]?.name ?? "";
  const { events } = match;
  const i = item.index;
  return {
    status,
    position_ms: changed.position,
    label: name(changed.label),
    team: TEAMS[changed.team] as TeamName,
    half: changed.half,
    original:
      i < 0
        ? (former?.original ?? null)
        : {
            position_ms: events.position_ms[i] as number,
            label: name(events.label[i] as number),
            confidence: events.confidence[i] as number,
            team: TEAMS[events.team[i] as number] as TeamName,
            half: events.half[i] as number,
          },
  };
}

export function thresholdOf(match: Match, threshold: Threshold, label: number): number {
  return threshold ?? match.thresholds[label] ?? 0;
}

/** Return true if an event is shown: it reaches the threshold, or somebody decided on it. */
export function isShown(match: Match, item: Item, threshold: Threshold): boolean {
  return item.status !== "undecided" || item.confidence >= thresholdOf(match, threshold, item.label);
}

export function verdictOf(item: Item, comparison: Comparison | null): Verdict {
  if (comparison === null || item.index < 0) return "none";
  const pair = comparison.pairs[item.index] ?? -1;
  return pair >= 0 ? "hit" : pair === -1 ? "false" : "ignored";
}

export function passes(item: Item, filters: Filters, comparison: Comparison | null): boolean {
  if (filters.hidden.has(item.label)) return false;
  if (filters.team !== null && item.team !== filters.team) return false;
  if (filters.half !== null && item.half !== filters.half) return false;
  switch (filters.status) {
    case "all":
      return true;
    case "changed":
      return item.changed;
    case "hit":
    case "false":
      return verdictOf(item, comparison) === filters.status;
    case "missed":
      return false;
    default:
      return item.status === filters.status;
  }
}

/** Mask of the labels that no event from the threshold up is paired with. */
export function missedLabels(
  match: Match,
  comparison: Comparison,
  threshold: Threshold,
): boolean[] {
  const count = match.truth?.position_ms.length ?? 0;
  const missed = new Array<boolean>(count).fill(true);
  for (const duplicate of comparison.duplicates) missed[duplicate] = false;
  comparison.pairs.forEach((label, index) => {
    if (label < 0) return;
    const least = thresholdOf(match, threshold, match.events.label[index] as number);
    if ((match.events.confidence[index] as number) >= least) missed[label] = false;
  });
  return missed;
}

export interface Counts {
  shown: number;
  hits: number;
  wrong: number;
  missed: number;
  labels: number;
  precision: number | null;
  recall: number | null;
  f1: number | null;
}

/** Count the events that were found, from the threshold up, against the labels. */
export function count(
  match: Match,
  comparison: Comparison | null,
  threshold: Threshold,
  hidden: ReadonlySet<number>,
): Counts {
  let shown = 0;
  let hits = 0;
  let wrong = 0;
  const { events, truth } = match;
  for (let i = 0; i < events.label.length; i++) {
    const label = events.label[i] as number;
    if (hidden.has(label)) continue;
    if ((events.confidence[i] as number) < thresholdOf(match, threshold, label)) continue;
    shown++;
    const pair = comparison?.pairs[i];
    if (pair === undefined) continue;
    if (pair >= 0) hits++;
    else if (pair === -1) wrong++;
  }
  const repeated = new Set(comparison?.duplicates);
  let labels = 0;
  truth?.label.forEach((label, index) => {
    if (!hidden.has(label) && !repeated.has(index)) labels++;
  });
  const ratio = (part: number, whole: number) => (whole ? part / whole : null);
  const compared = comparison !== null;
  return {
    shown,
    hits,
    wrong,
    missed: labels - hits,
    labels,
    precision: compared ? ratio(hits, hits + wrong) : null,
    recall: compared ? ratio(hits, labels) : null,
    f1: compared ? ratio(2 * hits, hits + wrong + labels) : null,
  };
}

export type Order = "time" | "uncertain";

/** Distance of a confidence from its threshold: the model is least certain where it is small. */
export function certainty(match: Match, item: Item, threshold: Threshold): number {
  return Math.abs(item.confidence - thresholdOf(match, threshold, item.label));
}

/** Sort events for the list; the least certain first puts those that are decided last. */
export function ordered(match: Match, items: Item[], order: Order, threshold: Threshold): Item[] {
  if (order === "time") return items;
  const decided = (item: Item) => Number(item.status !== "undecided");
  return [...items].sort(
    (a, b) =>
      decided(a) - decided(b) ||
      certainty(match, a, threshold) - certainty(match, b, threshold) ||
      a.position - b.position,
  );
}

export interface Review {
  total: number;
  decided: number;
}

/** How far the review of the shown events is; events that were added by hand are not counted. */
export function reviewOf(match: Match, items: Item[], threshold: Threshold): Review {
  let total = 0;
  let decided = 0;
  for (const item of items) {
    if (item.status === "added" || !isShown(match, item, threshold)) continue;
    total++;
    if (item.status !== "undecided") decided++;
  }
  return { total, decided };
}

/** Half of a position that has no event of its own: that of the event before it. */
export function halfAt(events: Columns, position: number): number {
  let half = events.half[0] ?? 1;
  for (let i = 0; i < events.half.length; i++) {
    if ((events.position_ms[i] as number) > position) break;
    half = events.half[i] as number;
  }
  return half;
}

/** Labels for the timeline; null without any. */
export function truthMarks(
  match: Match,
  comparison: Comparison | null,
  threshold: Threshold,
  filters: Filters,
): TruthMark[] | null {
  const { truth } = match;
  if (!truth) return null;
  const missed = comparison ? missedLabels(match, comparison, threshold) : [];
  const marks: TruthMark[] = [];
  truth.position_ms.forEach((position, index) => {
    const label = truth.label[index] as number;
    if (filters.hidden.has(label)) return;
    if (filters.team !== null && truth.team[index] !== filters.team) return;
    if (filters.half !== null && truth.half[index] !== filters.half) return;
    marks.push({ position, label, missed: missed[index] ?? false, index });
  });
  return marks.sort((a, b) => a.position - b.position);
}
