/** The list of events, of which only the rows in sight exist. */

import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from "@tanstack/virtual-core";
import { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import type { Comparison, Match } from "./api";
import { thumbnailUrl } from "./api";
import { clock } from "./frames";
import { IconButton } from "./icons";
import type { Item, Order, Review } from "./model";
import { verdictOf } from "./model";
import { teamOf, titleOf } from "./names";
import type { TruthMark } from "./timeline";

const ROW = 60;
/** A row that only flies past loads no thumbnail. */
const SETTLED_MS = 160;

interface Props {
  match: Match;
  number: number;
  items: Item[];
  missed: TruthMark[];
  comparison: Comparison | null;
  selected: string | null;
  order: Order;
  toggleOrder(): void;
  review: Review;
  thumbnails: boolean;
  select(item: Item): void;
  seek(ms: number): void;
  add(label: number, position: number): void;
}

export function EventList(props: Props) {
  const { items, missed, selected, order, review } = props;
  const growing = props.match.growing?.state === "running";
  const scroller = useRef<HTMLDivElement>(null);
  const rows = items.length + missed.length;
  const virtual = useVirtual(scroller, rows);

  useEffect(() => {
    const index = items.findIndex((item) => item.id === selected);
    if (index >= 0) virtual.scrollToIndex(index, { align: "auto" });
  }, [selected, items]);

  return (
    <>
      <div class="list-head">
        <span class="faint">
          {props.match.growing
            ? `${items.length} ${growing ? "so far" : "in all"}`
            : `${review.total - review.decided} of ${review.total} to review`}
        </span>
        <button class="quiet" aria-pressed={order === "uncertain"} onClick={props.toggleOrder}>
          Least certain first
        </button>
      </div>
      <div
        class="list"
        ref={scroller}
        tabIndex={-1}
        role={rows ? "list" : undefined}
        aria-label={rows ? "Events" : undefined}
      >
        <div class="list-all" style={{ height: `${virtual.getTotalSize()}px` }}>
          {virtual.getVirtualItems().map((row) => {
            const item = items[row.index];
            const mark = missed[row.index - items.length];
            const place = { top: `${row.start}px`, height: `${ROW}px` };
            if (item) return <EventRow key={item.id} {...props} item={item} place={place} />;
            return mark && <MissedRow key={`missed ${mark.index}`} {...props} mark={mark} place={place} />;
          })}
        </div>
        {!rows && (
          <p class="empty">
            {growing ? "Events appear here as they are found." : "No events with these settings."}
          </p>
        )}
      </div>
    </>
  );
}

/** Place of the list in a match whose events nobody has looked for yet. */
export function NoEvents({ spot }: { spot: (() => void) | null }) {
  return (
    <div class="empty">
      <p>This match has no events yet.</p>
      {spot && (
        <button class="primary" onClick={spot}>
          Spot this video
        </button>
      )}
    </div>
  );
}

function useVirtual(scroller: { current: HTMLDivElement | null }, rows: number) {
  const [, render] = useReducer((n: number) => n + 1, 0);
  const virtual = useMemo(
    () =>
      new Virtualizer<HTMLDivElement, Element>({
        count: rows,
        getScrollElement: () => scroller.current,
        estimateSize: () => ROW,
        overscan: 4,
        scrollToFn: elementScroll,
        observeElementRect,
        observeElementOffset,
        onChange: () => render(undefined),
      }),
    [],
  );
  virtual.setOptions({ ...virtual.options, count: rows });
  useEffect(() => virtual._didMount(), []);
  useEffect(() => virtual._willUpdate());
  return virtual;
}

type Place = {
  top: string;
  height: string;
};

const SIGNS = { undecided: "", accepted: "accepted", rejected: "rejected", added: "added" };
const VERDICT_TEXTS = { hit: "correct", false: "wrong", ignored: "duplicate", none: "" };

function EventRow({ item, place, ...props }: Props & { item: Item; place: Place }) {
  const { match, number, comparison, selected } = props;
  const verdict = verdictOf(item, comparison);
  const kind = match.classes[item.label];
  const team = teamOf(item.team);
  return (
    <div role="listitem" class="row" style={place}>
      <button
        class={`event ${item.status}`}
        aria-current={item.id === selected}
        onClick={() => props.select(item)}
      >
        {props.thumbnails && <Thumbnail number={number} position={item.position} />}
        <span class="what">
          <span class="name">
            <i style={{ background: kind?.colour }} />
            {titleOf(kind?.name ?? "")}
          </span>
          <span class="faint">
            {clock(item.position, 2)}
            {team && ` · ${team}`}
          </span>
        </span>
        <span class="how">
          <span class="badges">
            {item.status !== "undecided" && (
              <span class={`badge ${item.status}`}>
                {item.changed ? "changed" : SIGNS[item.status]}
              </span>
            )}
            {verdict !== "none" && (
              <span class={`badge ${verdict}`}>{VERDICT_TEXTS[verdict]}</span>
            )}
          </span>
          <span class="faint">{item.index < 0 ? "by hand" : item.confidence.toFixed(2)}</span>
        </span>
      </button>
    </div>
  );
}

function MissedRow({ mark, place, ...props }: Props & { mark: TruthMark; place: Place }) {
  const kind = props.match.classes[mark.label];
  return (
    <div role="listitem" class="row" style={place}>
      <button class="event missed" onClick={() => props.seek(mark.position)}>
        {props.thumbnails && <Thumbnail number={props.number} position={mark.position} />}
        <span class="what">
          <span class="name">
            <i style={{ background: kind?.colour }} />
            {titleOf(kind?.name ?? "")}
          </span>
          <span class="faint">{clock(mark.position, 2)}</span>
        </span>
        <span class="how">
          <span class="badges">
            <span class="badge missed">missed</span>
          </span>
        </span>
      </button>
      <IconButton
        icon="plus"
        label="Add this event"
        onClick={() => props.add(mark.label, mark.position)}
      />
    </div>
  );
}

function Thumbnail({ number, position }: { number: number; position: number }) {
  const [settled, setSettled] = useState(false);
  useEffect(() => {
    setSettled(false);
    const timer = setTimeout(() => setSettled(true), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [number, position]);
  return settled ? (
    <img class="thumbnail" src={thumbnailUrl(number, position)} alt="" loading="lazy" />
  ) : (
    <span class="thumbnail" />
  );
}
