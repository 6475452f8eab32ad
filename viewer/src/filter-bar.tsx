/** Confidence, tolerance and filters above the timeline, with the figures that they give. */

import type { Comparison, Match } from "./api";
import { TEAMS } from "./api";
import type { Counts, Filters, StatusFilter, Threshold } from "./model";
import { NO_FILTERS } from "./model";
import { percent, TEAM_TITLES } from "./names";

const TOLERANCES_S = [0.5, 1, 2, 3, 4, 5, 10];

const STATUSES: [StatusFilter, string][] = [
  ["all", "All events"],
  ["undecided", "Not reviewed"],
  ["accepted", "Accepted"],
  ["changed", "Changed"],
  ["rejected", "Rejected"],
  ["added", "Added"],
];
const VERDICTS: [StatusFilter, string][] = [
  ["hit", "Correct (TP)"],
  ["false", "Wrong (FP)"],
  ["missed", "Missed (FN)"],
];

interface Props {
  match: Match;
  threshold: Threshold;
  setThreshold(threshold: Threshold): void;
  tolerance: number;
  setTolerance(seconds: number): void;
  filters: Filters;
  setFilters(filters: Filters): void;
  counts: Counts;
  comparison: Comparison | null;
  byVerdict: boolean;
  setByVerdict(by: boolean): void;
  /** Null if there are none. */
  curves: boolean | null;
  setCurves(on: boolean): void;
}

export function FilterBar(props: Props) {
  const { match, threshold, setThreshold, filters, setFilters, counts, comparison } = props;
  const { events, truth } = match;
  // Events that still come are not compared with labels.
  const compared = truth !== null && match.growing === null;
  const halves = [...new Set([...events.half, ...(truth?.half ?? [])])].sort((a, b) => a - b);
  const unknown = TEAMS.indexOf("unknown");
  const teams = [...events.team, ...(truth?.team ?? [])].some((team) => team !== unknown);
  const suggested = match.thresholds.some((each) => each > 0);
  const value = threshold ?? typical(match.thresholds);
  const filtered =
    filters.hidden.size > 0 ||
    filters.team !== null ||
    filters.half !== null ||
    filters.status !== "all";
  return (
    <div class="filters">
      {match.corrects === "predictions" && (
        <div class="confidence">
          <label for="confidence">Confidence</label>
          <input
            id="confidence"
            type="range"
            min={0}
            max={1}
            step={0.01}
            value={value}
            aria-valuetext={threshold === null ? "as the model suggests" : `from ${value.toFixed(2)}`}
            onInput={(event) => setThreshold(Number(event.currentTarget.value))}
          />
          <output>{threshold === null && varied(match.thresholds) ? "model" : value.toFixed(2)}</output>
          {threshold !== null && suggested && (
            <button class="quiet" onClick={() => setThreshold(null)}>
              Model’s
            </button>
          )}
        </div>
      )}
      <dl class="counts" aria-label="Figures at this confidence">
        <div>
          <dt>events</dt>
          <dd data-testid="shown">{counts.shown}</dd>
        </div>
        {comparison && (
          <>
            <div class="hit">
              <dt>correct</dt>
              <dd>{counts.hits}</dd>
            </div>
            <div class="wrong">
              <dt>wrong</dt>
              <dd>{counts.wrong}</dd>
            </div>
            <div class="missed">
              <dt>missed</dt>
              <dd>{counts.missed}</dd>
            </div>
            <div>
              <dt>precision</dt>
              <dd>{percent(counts.precision)}</dd>
            </div>
            <div>
              <dt>recall</dt>
              <dd>{percent(counts.recall)}</dd>
            </div>
            {Object.entries(comparison.means).map(([name, mean]) => (
              <div key={name} title="of all candidates, whatever their confidence">
                <dt>{name}</dt>
                <dd data-testid={name}>{percent(mean)}</dd>
              </div>
            ))}
          </>
        )}
      </dl>
      <div class="choices">
        {props.curves !== null && (
          <label title="Confidence of each action at each frame (C)">
            <input
              type="checkbox"
              checked={props.curves}
              onChange={(event) => props.setCurves(event.currentTarget.checked)}
            />
            Curves
          </label>
        )}
        {compared && (
          <>
            <label>
              Tolerance
              <select
                value={String(props.tolerance)}
                onChange={(event) => props.setTolerance(Number(event.currentTarget.value))}
              >
                {TOLERANCES_S.map((seconds) => (
                  <option key={seconds} value={String(seconds)}>
                    {seconds} s
                  </option>
                ))}
              </select>
            </label>
            <label>
              Colour
              <select
                value={props.byVerdict ? "verdict" : "action"}
                onChange={(event) => props.setByVerdict(event.currentTarget.value === "verdict")}
              >
                <option value="verdict">by result</option>
                <option value="action">by action</option>
              </select>
            </label>
          </>
        )}
        <label>
          <span class="visually-hidden">Status</span>
          <select
            value={filters.status}
            onChange={(event) =>
              setFilters({ ...filters, status: event.currentTarget.value as StatusFilter })
            }
          >
            {[...STATUSES, ...(compared ? VERDICTS : [])].map(([status, title]) => (
              <option key={status} value={status}>
                {title}
              </option>
            ))}
          </select>
        </label>
        {teams && (
          <label>
            <span class="visually-hidden">Team</span>
            <select
              value={filters.team === null ? "" : String(filters.team)}
              onChange={(event) =>
                setFilters({ ...filters, team: numberOrNull(event.currentTarget.value) })
              }
            >
              <option value="">Both teams</option>
              {TEAM_TITLES.map((title, team) => (
                <option key={title} value={String(team)}>
                  {title}
                </option>
              ))}
            </select>
          </label>
        )}
        {halves.length > 1 && (
          <label>
            <span class="visually-hidden">Half</span>
            <select
              value={filters.half === null ? "" : String(filters.half)}
              onChange={(event) =>
                setFilters({ ...filters, half: numberOrNull(event.currentTarget.value) })
              }
            >
              <option value="">All halves</option>
              {halves.map((half) => (
                <option key={half} value={String(half)}>
                  Half {half}
                </option>
              ))}
            </select>
          </label>
        )}
        {filtered && (
          <button class="quiet" onClick={() => setFilters(NO_FILTERS)}>
            Show all
          </button>
        )}
      </div>
    </div>
  );
}

function numberOrNull(text: string): number | null {
  return text === "" ? null : Number(text);
}

/** The most frequent threshold. */
function typical(thresholds: number[]): number {
  const counts = new Map<number, number>();
  for (const each of thresholds) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 0;
}

function varied(thresholds: number[]): boolean {
  return new Set(thresholds).size > 1;
}
