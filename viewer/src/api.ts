/** Types of the server's answers, and the requests. */

import type { Growing } from "./growing";

export type Status = "accepted" | "rejected" | "added";
export const TEAMS = ["left", "right", "unknown"] as const;
export type TeamName = (typeof TEAMS)[number];

export interface Columns {
  position_ms: number[];
  label: number[];
  confidence: number[];
  team: number[];
  half: number[];
}

export interface ActionClass {
  name: string;
  colour: string;
  headline: boolean;
}

export interface Original {
  position_ms: number;
  label: string;
  confidence: number;
  team: TeamName;
  half: number;
}

export interface Entry {
  status: Status;
  position_ms: number;
  label: string;
  team: TeamName;
  half: number;
  original: Original | null;
}

export interface Agreement {
  accepted: number;
  moved: number;
  relabelled: number;
  teams: number;
  rejected: number;
  added: number;
  median_move_ms: number | null;
  largest_move_ms: number | null;
  precision: number | null;
  per_action: Record<string, [number, number, number]>;
  confusions: [string, string, number][];
}

export interface Corrections {
  version: number;
  entries: Record<string, Entry>;
  agreement: Agreement;
}

/** A file of a match. */
export interface VideoFile {
  file: string;
  /** Time of the match at which it begins. */
  start_ms: number;
  width: number;
  height: number;
  fps: number;
  frames: number;
  duration_ms: number;
  variable_rate: boolean;
  codec: string;
  playable: boolean;
  /** True if players and ball were tracked in it. */
  tracks: boolean;
}

/** The files of a match, in their order; only the reason if they cannot be shown. */
export type Video = { error: string } | Footage;

export interface Footage {
  error?: undefined;
  files: VideoFile[];
  duration_ms: number;
  /** Bytes that can be played, of a video that is being recorded; null if it is complete. */
  recorded: number | null;
}

export interface Match {
  name: string;
  classes: ActionClass[];
  events: Columns;
  truth: Columns | null;
  ids: string[];
  corrects: "predictions" | "labels";
  /** Kick-offs of halves 1, 2 …; null where unknown. */
  kickoffs_ms: (number | null)[];
  /** True if the confidences of all frames are known. */
  curves: boolean;
  thresholds: number[];
  model: string;
  video: Video | null;
  corrections: Corrections;
  corrections_file: string | null;
  /** Name of the corrections on this machine, for what a browser keeps. */
  key: string;
  /** How far the work is that finds the events; null if all are there. */
  growing: Growing | null;
}

export interface MatchRow {
  name: string;
  video: boolean;
  truth: boolean;
  predictions: boolean;
  decided: number;
}

export interface Session {
  version: string;
  /** True if videos can be spotted from the page. */
  spotting: boolean;
  matches: MatchRow[];
}

export interface Comparison {
  tolerance_s: number;
  pairs: number[];
  duplicates: number[];
  means: Record<string, number | null>;
  ap: Record<string, number>;
  labels: Record<string, number>;
  curves: Record<string, [number[], number[], number[]]>;
}

/** Boxes of a part of a video, in pixels of its frames, in order of time. */
export interface TrackPart {
  width: number;
  height: number;
  fps: number;
  cuts_ms: number[];
  kinds: string[];
  time_ms: number[];
  kind: number[];
  team: number[];
  /** x0, y0, x1, y1 of each box. */
  boxes: number[];
}

export interface Proxy {
  state: "none" | "running" | "ready" | "failed";
  fraction: number;
  error: string;
}

/** An answer that is an error, with the server's one line. */
export class RequestError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly body: unknown,
  ) {
    super(message);
  }
}

/** Send a request; an answer that is no success is thrown as a `RequestError`. */
async function send(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(path, { credentials: "same-origin", ...init });
  if (response.ok) return response;
  const text = await response.text();
  let body: unknown = null;
  try {
    body = JSON.parse(text);
  } catch {
    // plain text of a refusal
  }
  const said = (body as { error?: string } | null)?.error ?? text.trim();
  throw new RequestError(said || `The server answered ${response.status}.`, response.status, body);
}

export async function request<T>(path: string, init?: RequestInit): Promise<T> {
  return (await send(path, init)).json() as Promise<T>;
}

export const getSession = () => request<Session>("/api/session");
export const getMatch = (match: number) => request<Match>(`/api/matches/${match}`);
export const getCorrections = (match: number) =>
  request<Corrections>(`/api/matches/${match}/corrections`);
export const getComparison = (match: number, tolerance: number) =>
  request<Comparison>(`/api/matches/${match}/comparison?tolerance=${tolerance}`);
export async function getConfidences(match: number): Promise<ArrayBuffer> {
  const response = await send(`/api/matches/${match}/confidences`);
  return response.arrayBuffer();
}
export const getTracks = (match: number, file: number, from: number, to: number) =>
  request<TrackPart>(`/api/matches/${match}/files/${file}/tracks?from=${from}&to=${to}`);

/** Settings of an export and of clips; those of single actions by name. */
export interface ExportSettings {
  threshold: number | null;
  thresholds: Record<string, number>;
  actions: string[] | null;
  lead_s: number | null;
  leads_s: Record<string, number>;
  lag_s: number | null;
  lags_s: Record<string, number>;
  kickoffs_s: Record<number, number> | null;
  merge: boolean;
}

export interface Clips {
  state: "none" | "running" | "done" | "failed" | "cancelled";
  done: number;
  total: number;
  folder: string;
  error: string;
}

const posted = (body: unknown): RequestInit => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

/** A file with exported events, and its name. */
export async function exportEvents(
  match: number,
  settings: ExportSettings & { formats: string[]; offset_s: number; period_markers: boolean },
): Promise<[Blob, string]> {
  const response = await send(`/api/matches/${match}/export`, posted(settings));
  const name = /filename\*=UTF-8''(.+)$/.exec(response.headers.get("content-disposition") ?? "");
  return [await response.blob(), decodeURIComponent(name?.[1] ?? "events")];
}

export const getClips = (match: number) => request<Clips>(`/api/matches/${match}/clips`);
export const cutClips = (
  match: number,
  settings: ExportSettings & { by: string | null; reel: boolean },
) => request<Clips>(`/api/matches/${match}/clips`, posted(settings));
export const cancelClips = (match: number) =>
  request<Clips>(`/api/matches/${match}/clips/cancel`, { method: "POST" });
export const getFrames = (match: number, file: number) =>
  request<number[]>(`/api/matches/${match}/files/${file}/frames`);
export const getProxy = (match: number) => request<Proxy>(`/api/matches/${match}/proxy`);
export const makeProxy = (match: number) =>
  request<Proxy>(`/api/matches/${match}/proxy`, { method: "POST" });

export function patchCorrections(
  match: number,
  version: number,
  changes: Record<string, Entry | null>,
): Promise<Corrections> {
  return request<Corrections>(`/api/matches/${match}/corrections`, {
    method: "PATCH",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ version, changes }),
    keepalive: JSON.stringify(changes).length < 50_000,
  });
}

export const videoUrl = (match: number, file: number) => `/video/${match}/${file}`;
export const thumbnailUrl = (match: number, position: number) => `/thumbnail/${match}/${position}`;
