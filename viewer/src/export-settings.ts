/** What the fields of the export say: numbers and times as people write them, checked before they are sent. */

import type { ExportSettings } from "./api";

export interface ActionFields {
  chosen: boolean;
  threshold: string;
  lead: string;
  lag: string;
}

export interface Fields {
  threshold: string;
  lead: string;
  lag: string;
  offset: string;
  kickoffs: string[];
  merge: boolean;
  actions: Record<string, ActionFields>;
}

/** Seconds of `12.5`, `4:47`, `1:02:03` or `-10:00`; null if it is none of these. */
export function secondsOf(text: string): number | null {
  const match = /^(-?)(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d+)?)$/.exec(text.trim());
  if (!match) return null;
  const [, sign, hours = "0", minutes = "0", seconds = "0"] = match;
  const value = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds.replace(",", "."));
  return sign ? -value : value;
}

/** What to enter instead of a text that cannot be sent; empty if it can be. */
export function problemOf(text: string, kind: "threshold" | "length" | "time"): string {
  if (!text.trim()) return "";
  const value = secondsOf(text);
  if (value === null) return kind === "time" ? "Enter a time, such as 4:47" : "Enter a number";
  if (kind === "threshold" && (value < 0 || value > 1)) return "Enter 0 to 1";
  if (kind === "length" && (value < 0 || value > 3600)) return "Enter 0 to 3600 seconds";
  return "";
}

/** The settings that the fields say; null if one of them cannot be sent. */
export function settingsOf(fields: Fields): (ExportSettings & { offset_s: number }) | null {
  const actions = Object.entries(fields.actions);
  const checked: [string, "threshold" | "length" | "time"][] = [
    [fields.threshold, "threshold"],
    [fields.lead, "length"],
    [fields.lag, "length"],
    [fields.offset, "time"],
    ...fields.kickoffs.map((text): [string, "time"] => [text, "time"]),
    ...actions.flatMap(([, { threshold, lead, lag }]): typeof checked => [
      [threshold, "threshold"],
      [lead, "length"],
      [lag, "length"],
    ]),
  ];
  if (checked.some(([text, kind]) => problemOf(text, kind))) return null;
  const single = (read: (each: ActionFields) => string) =>
    Object.fromEntries(
      actions.flatMap(([name, each]) => {
        const value = each.chosen ? secondsOf(read(each)) : null;
        return value === null ? [] : [[name, value]];
      }),
    );
  const chosen = actions.filter(([, each]) => each.chosen).map(([name]) => name);
  const kickoffs = fields.kickoffs.flatMap((text, index): [number, number][] => {
    const seconds = secondsOf(text);
    return seconds === null ? [] : [[index + 1, seconds]];
  });
  return {
    threshold: secondsOf(fields.threshold),
    thresholds: single((each) => each.threshold),
    actions: chosen.length === actions.length ? null : chosen,
    lead_s: secondsOf(fields.lead),
    leads_s: single((each) => each.lead),
    lag_s: secondsOf(fields.lag),
    lags_s: single((each) => each.lag),
    offset_s: secondsOf(fields.offset) ?? 0,
    kickoffs_s: kickoffs.length ? Object.fromEntries(kickoffs) : null,
    merge: fields.merge,
  };
}
