/** The timeline with the names of its lanes, which are buttons, and its zoom. */

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Match } from "./api";
import type { Curves } from "./curves";
import type { MatchClock } from "./frames";
import { clock as format } from "./frames";
import { IconButton } from "./icons";
import type { Filters, Item, Verdict } from "./model";
import { titleOf } from "./names";
import type { TruthMark } from "./timeline";
import { MINIMAP, RULER, Timeline } from "./timeline";

const LANE = 27;

interface Props {
  match: Match;
  items: Item[];
  verdicts: Verdict[];
  candidates: Item[];
  truth: TruthMark[] | null;
  curves: Curves | null;
  duration: number;
  /** Time up to which events were looked for. */
  done: number;
  selected: string | null;
  byVerdict: boolean;
  filters: Filters;
  setFilters(filters: Filters): void;
  clock: MatchClock;
  timeline: RefObject<Timeline>;
  readers: Set<(ms: number, frame: number) => void>;
  seek(ms: number): void;
  select(item: Item): void;
}

export function TimelinePanel(props: Props) {
  const { match, items, verdicts, candidates, truth, curves, duration, done, selected, byVerdict } = props;
  const { filters, setFilters, timeline } = props;
  const { clock } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    if (!canvas.current) return undefined;
    const made = new Timeline(canvas.current, {
      seek: (ms) => latest.current.seek(ms),
      select: (item) => latest.current.select(item),
      viewChanged: (view) => {
        canvas.current?.setAttribute("data-view", `${view.start},${view.end}`);
      },
    });
    (timeline as { current: Timeline | null }).current = made;
    return () => {
      made.close();
      (timeline as { current: Timeline | null }).current = null;
    };
  }, []);

  useEffect(() => {
    timeline.current?.setScene({
      lanes: match.classes.map((each, label) => ({
        label,
        name: each.name,
        colour: each.colour,
        dimmed: filters.hidden.has(label),
      })),
      items,
      verdicts,
      candidates,
      truth,
      curves,
      duration,
      done,
      seams: clock.files.slice(1).map((file) => file.start),
      selected,
      byVerdict,
    });
  }, [
    match,
    items,
    verdicts,
    candidates,
    truth,
    curves,
    duration,
    done,
    clock,
    selected,
    byVerdict,
    filters.hidden,
  ]);

  useEffect(() => {
    const read = (ms: number) => {
      canvas.current?.setAttribute("aria-valuenow", String(Math.round(ms)));
      canvas.current?.setAttribute("aria-valuetext", format(ms));
    };
    read(0);
    props.readers.add(read);
    return () => void props.readers.delete(read);
  }, []);

  const toggle = (label: number, only: boolean) => {
    const all = match.classes.map((_, index) => index);
    const alone = filters.hidden.size === all.length - 1 && !filters.hidden.has(label);
    const hidden = only
      ? new Set(alone ? [] : all.filter((each) => each !== label))
      : new Set(filters.hidden);
    if (!only && !hidden.delete(label)) hidden.add(label);
    setFilters({ ...filters, hidden });
  };
  const height = RULER + MINIMAP + LANE * match.classes.length;
  return (
    <div class="timeline" style={{ height: `${height}px` }}>
      <div class="names" style={{ paddingTop: `${RULER}px`, paddingBottom: `${MINIMAP}px` }}>
        {match.classes.map((each, label) => (
          <button
            key={each.name}
            class="lane-name"
            aria-pressed={!filters.hidden.has(label)}
            title={`${each.name}: show or hide; with Shift or a double click only this one`}
            onClick={(event) => toggle(label, event.shiftKey)}
            onDblClick={() => toggle(label, true)}
          >
            <i style={{ background: each.colour }} />
            <span>{titleOf(each.name)}</span>
          </button>
        ))}
        <div class="zoom">
          <IconButton
            icon="minus"
            label="Zoom out"
            keys="Shift Z"
            onClick={() => timeline.current?.zoom(2)}
          />
          <IconButton
            icon="plus"
            label="Zoom in"
            keys="Z"
            onClick={() => timeline.current?.zoom(0.5)}
          />
          <IconButton
            icon="fit"
            label="Whole match"
            keys="F"
            onClick={() => timeline.current?.setView({ start: 0, end: duration })}
          />
        </div>
      </div>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="slider"
        aria-label="Timeline: arrow keys step through frames"
        aria-valuemin={0}
        aria-valuemax={Math.round(duration)}
        aria-valuenow={0}
      />
    </div>
  );
}
