/** Names of actions and teams as people read them. */

import { TEAMS } from "./api";

/** The 12 actions are in capitals in files; other names may hold an acronym. */
export function titleOf(name: string): string {
  if (name !== name.toUpperCase() || name.length < 3) return name;
  return SHORT[name] ?? name.charAt(0) + name.slice(1).toLowerCase();
}

const SHORT: Record<string, string> = {
  "BALL PLAYER BLOCK": "Block",
  "PLAYER SUCCESSFUL TACKLE": "Tackle",
};

export const TEAM_TITLES = ["Left", "Right", "Unknown"];

export function teamOf(team: number): string {
  return TEAMS[team] === "unknown" ? "" : (TEAM_TITLES[team] ?? "");
}

export function percent(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined ? "–" : `${(value * 100).toFixed(digits)}`;
}
