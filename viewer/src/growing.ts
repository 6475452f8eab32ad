/** Events that still come: of a video that is being spotted from the page, or of a live stream. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Columns, Match, TeamName } from "./api";
import { getMatch, request, TEAMS } from "./api";

export interface GrowingEvent {
  id: string;
  position_ms: number;
  label: string;
  confidence: number;
  team: TeamName;
  half: number;
}

export interface Notice {
  time_ms: number;
  text: string;
}

export interface Progress {
  kind: "spotting" | "live";
  title: string;
  state: "running" | "done" | "failed" | "cancelled";
  error: string;
  done_ms: number;
  total_ms: number | null;
  /** Seconds of video per second. */
  speed: number | null;
  left_s: number | null;
  count: number;
  notices: Notice[];
  /** Bytes of the video that can be played, while it is recorded. */
  recorded: number | null;
}

export interface Growing extends Progress {
  /** Those that the page does not have yet. */
  events: GrowingEvent[];
}

const POLL_MS = 400;
/** Waiting time after a request that failed. */
const RETRY_MS = 2000;

const getGrowing = (match: number, after: number) =>
  request<Growing | null>(`/api/matches/${match}/growing?after=${after}`);

/** A match with further events. Those that it has already are left out. */
export function grown(match: Match, growing: Growing): Match {
  const known = match.ids.length;
  const missing = growing.count - growing.events.length;
  const fresh = growing.events.slice(Math.max(0, known - missing));
  const labels = new Map(match.classes.map((each, index) => [each.name, index]));
  const { events } = match;
  const columns: Columns = {
    position_ms: [...events.position_ms, ...fresh.map((each) => each.position_ms)],
    label: [...events.label, ...fresh.map((each) => labels.get(each.label) ?? -1)],
    confidence: [...events.confidence, ...fresh.map((each) => each.confidence)],
    team: [...events.team, ...fresh.map((each) => TEAMS.indexOf(each.team))],
    half: [...events.half, ...fresh.map((each) => each.half)],
  };
  return {
    ...match,
    // The same columns as before if there is nothing new: what is drawn of them stays.
    events: fresh.length ? columns : events,
    ids: fresh.length ? [...match.ids, ...fresh.map((each) => each.id)] : match.ids,
    growing: { ...growing, events: [] },
  };
}

interface Opened {
  match: Match | null;
  error: string;
  reload(): void;
}

/** A match that is loaded, and kept up while its events grow. */
export function useMatch(number: number, ready: boolean): Opened {
  const [match, setMatch] = useState<Match | null>(null);
  const [error, setError] = useState("");
  const [loads, setLoads] = useState(0);
  const shown = useRef(-1);
  const reload = () => setLoads((count) => count + 1);

  useEffect(() => {
    if (!ready) return undefined;
    let current = true;
    let timer: ReturnType<typeof setTimeout>;
    let latest: Match | null = null;

    const take = (next: Match) => {
      latest = next;
      setMatch(next);
      if (next.growing?.state === "running") timer = setTimeout(follow, POLL_MS);
    };
    const follow = () => {
      const before = latest;
      if (!before) return;
      getGrowing(number, before.ids.length).then(
        (growing) => {
          if (!current) return;
          // Null: it has ended meanwhile, and its results are there.
          const begun = growing?.recorded && before.video?.error;
          if (!growing || begun || growing.state === "done") reload();
          else take(grown(before, growing));
        },
        () => {
          if (current) timer = setTimeout(follow, RETRY_MS);
        },
      );
    };

    if (shown.current !== number) setMatch(null);
    shown.current = number;
    setError("");
    getMatch(number).then(
      (found) => current && take(found.growing ? grown(found, found.growing) : found),
      (problem: Error) => current && setError(problem.message),
    );
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [number, ready, loads]);

  return { match, error, reload };
}
