/** A match: video, timeline and events, and all that can be done with them. */

import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import type { Comparison, Match } from "./api";
import { getComparison, getConfidences, TEAMS } from "./api";
import { Curves } from "./curves";
import { EventList, NoEvents } from "./event-list";
import { ExportDialog } from "./export-dialog";
import { FiguresPanel } from "./figures";
import { FilterBar } from "./filter-bar";
import { durationOf, footageOf, useMatchClock } from "./footage";
import { HelpDialog } from "./help";
import { ACTION_KEYS, bindKeys } from "./keys";
import type { Filters, Item, Order, Threshold } from "./model";
import {
  buildItems,
  count,
  entryOf,
  halfAt,
  isShown,
  NO_FILTERS,
  ordered,
  passes,
  reviewOf,
  truthMarks,
  verdictOf,
} from "./model";
import { Player } from "./player";
import { ReviewPanel } from "./review";
import { Saved, useEditor } from "./saved";
import type { Change } from "./saving";
import { SelectedEvent } from "./selected";
import { TracksOverlay } from "./tracks-overlay";
import { Transport } from "./transport";
import { TimelinePanel } from "./timeline-panel";
import type { Timeline } from "./timeline";
import { VideoArea } from "./video-area";

/** Excerpt that the key P plays around an event. */
const LEAD_MS = 3000;
const LAG_MS = 2000;
const DEFAULT_TOLERANCE_S = 1;
const TABS = ["Events", "Figures", "Review"] as const;
type Tab = (typeof TABS)[number];

interface Props {
  match: Match;
  number: number;
  chooser: ComponentChildren;
  /** Line below the head. */
  banner: ComponentChildren;
  /** Open the choice of a model for a video file; null if videos cannot be spotted from this page. */
  spot: ((file: string) => void) | null;
}

export function MatchView({ match, number, chooser, banner, spot }: Props) {
  const compared = match.truth !== null && match.growing === null;
  const [changes, changed] = useReducer((n: number) => n + 1, 0);
  const editor = useEditor(match, number, () => changed(undefined));
  const [threshold, setThreshold] = useState<Threshold>(null);
  const [tolerance, setTolerance] = useState(DEFAULT_TOLERANCE_S);
  const [comparison, setComparison] = useState<Comparison | null>(null);
  const [filters, setFilters] = useState<Filters>(NO_FILTERS);
  const [order, setOrder] = useState<Order>("time");
  const [selectedId, setSelectedId] = useState<string | null>(null);
  const [chosenTab, setTab] = useState<Tab>("Events");
  const [help, setHelp] = useState(false);
  const [exporting, setExporting] = useState(false);
  const [byVerdict, setByVerdict] = useState(compared);
  const [said, say] = useState("");
  const [curves, setCurves] = useState<Curves | null>(null);
  const [showCurves, setShowCurves] = useState(true);
  const [showBoxes, setShowBoxes] = useState(true);
  const [file, setFile] = useState(0);
  const player = useRef<Player | null>(null);
  const timeline = useRef<Timeline | null>(null);
  const now = useRef(0);
  const shownFrame = useRef(0);
  const [, playback] = useReducer((n: number) => n + 1, 0);
  const timeReaders = useRef(new Set<(ms: number, frame: number) => void>());

  // Labels become something to compare with when the match gets its first predictions.
  useEffect(() => setByVerdict(compared), [compared]);

  useEffect(() => {
    if (!match.truth || match.growing) {
      setComparison(null);
      return undefined;
    }
    let current = true;
    getComparison(number, tolerance).then(
      (found) => current && setComparison(found),
      (problem: Error) => current && say(problem.message),
    );
    return () => {
      current = false;
    };
  }, [match.truth, match.growing === null, number, tolerance]);

  useEffect(() => {
    setCurves(null);
    if (!match.curves || match.growing) return;
    getConfidences(number).then(
      (bytes) => setCurves(Curves.parse(bytes)),
      (problem: Error) => say(problem.message),
    );
  }, [match.curves, match.growing === null, number]);

  const footage = footageOf(match);
  const usable = footage !== null;
  const firstFile = footage?.files[0]?.file ?? "";
  const anyEvents = match.growing !== null || match.corrections_file !== null;
  const tracked = footage?.files.some((each) => each.tracks) ?? false;
  // Neither is of use before all events are there.
  const tabs = TABS.filter(
    (each) => each === "Events" || (!match.growing && (each === "Review" || match.truth)),
  );
  const tab = tabs.includes(chosenTab) ? chosenTab : "Events";
  const duration = useMemo(() => durationOf(match), [match]);
  const [clock, knowsFrames] = useMatchClock(match, number, duration, say);

  const items = useMemo(() => buildItems(match, editor.entries), [match, changes]);
  const shown = useMemo(
    () => items.filter((each) => isShown(match, each, threshold)),
    [match, items, threshold],
  );
  const visible = useMemo(
    () => shown.filter((each) => passes(each, filters, comparison)),
    [shown, filters, comparison],
  );
  const candidates = useMemo(
    () => items.filter((each) => !isShown(match, each, threshold)),
    [match, items, threshold],
  );
  const listed = useMemo(
    () => ordered(match, visible, order, threshold),
    [match, visible, order, threshold],
  );
  const truth = useMemo(
    () => truthMarks(match, comparison, threshold, filters),
    [match, comparison, threshold, filters],
  );
  const missed = useMemo(
    () => (filters.status === "missed" ? (truth ?? []).filter((mark) => mark.missed) : []),
    [truth, filters.status],
  );
  const counts = useMemo(
    () => count(match, comparison, threshold, filters.hidden),
    [match, comparison, threshold, filters.hidden],
  );
  const review = useMemo(() => reviewOf(match, items, threshold), [match, items, threshold]);
  const verdicts = useMemo(
    () => visible.map((each) => verdictOf(each, comparison)),
    [visible, comparison],
  );
  const selected = items.find((each) => each.id === selectedId) ?? null;

  const seek = useCallback((ms: number) => {
    if (player.current) player.current.seek(ms);
    else showTime(clock.startOf(clock.frameAt(ms)), clock.frameAt(ms), false);
  }, [clock]);

  function showTime(ms: number, frame: number, playing: boolean): void {
    now.current = ms;
    shownFrame.current = frame;
    timeline.current?.setTime(ms, playing);
    for (const read of timeReaders.current) read(ms, frame);
  }

  const select = useCallback((item: Item | null) => {
    setSelectedId(item?.id ?? null);
    if (!item) return;
    seek(item.position);
    timeline.current?.reveal(item.position);
  }, [seek]);

  /** Change corrections, if there is a file for them. */
  function edit(changed: Change): boolean {
    if (match.corrections_file === null) {
      say("These events cannot be corrected yet.");
      return false;
    }
    editor.edit(changed);
    return true;
  }

  const describe = (item: Item) => match.classes[item.label]?.name ?? "";

  function decide(status: "accepted" | "rejected"): void {
    if (!selected) return;
    const next = following(listed, selected, (each) => each.status === "undecided");
    if (selected.status === "added") {
      if (status === "rejected") remove();
      else if (next) select(next);
      return;
    }
    const entry = editor.entries.get(selected.id);
    const decided = edit({
      [selected.id]: entryOf(match, selected, status, originalIfRejected(status, selected), entry),
    });
    if (!decided) return;
    say(`${describe(selected)} ${status}`);
    if (next) select(next);
  }

  /** A rejected event keeps what was found. */
  function originalIfRejected(status: string, item: Item) {
    if (status !== "rejected" || item.index < 0) return {};
    return {
      position: match.events.position_ms[item.index] as number,
      label: match.events.label[item.index] as number,
      team: match.events.team[item.index] as number,
    };
  }

  function undecide(): void {
    if (!selected || selected.status === "undecided" || selected.status === "added") return;
    if (edit({ [selected.id]: null })) say("decision taken back");
  }

  function change(what: Partial<Pick<Item, "position" | "label" | "team">>): void {
    if (!selected) return;
    const status = selected.status === "added" ? "added" : "accepted";
    const entry = editor.entries.get(selected.id);
    edit({ [selected.id]: entryOf(match, selected, status, what, entry) });
  }

  function move(frameCount: number): void {
    if (!selected) return;
    const frame = clock.frameAt(selected.position) + frameCount;
    const position = Math.round(clock.startOf(frame));
    change({ position });
    seek(position);
  }

  function moveHere(): void {
    if (selected) change({ position: Math.round(now.current) });
    else say("Select an event first.");
  }

  function nextTeam(): void {
    if (selected) change({ team: (selected.team + 1) % TEAMS.length });
  }

  function add(label: number, position = Math.round(now.current)): void {
    const name = match.classes[label]?.name;
    if (name === undefined) return;
    const id = `added/${uniqueId()}`;
    const half = halfAt(match.events, position);
    const team = "unknown" as const;
    const added = edit({
      [id]: { status: "added", position_ms: position, label: name, team, half, original: null },
    });
    if (!added) return;
    setSelectedId(id);
    say(`${name} added`);
  }

  function remove(): void {
    if (!selected) return;
    if (selected.status !== "added") {
      decide("rejected");
      return;
    }
    const next = following(listed, selected, () => true);
    if (!edit({ [selected.id]: null })) return;
    say("event deleted");
    select(next);
  }

  function undo(redo: boolean): void {
    const ids = redo ? editor.redo() : editor.undo();
    say(ids.length ? (redo ? "done again" : "undone") : `nothing to ${redo ? "redo" : "undo"}`);
    const item = buildItems(match, editor.entries).find((each) => each.id === ids[0]);
    if (item) select(item);
  }

  function go(by: 1 | -1): void {
    if (!listed.length) return;
    const at = selected ? listed.findIndex((each) => each.id === selected.id) : -1;
    if (at >= 0) {
      select(listed[Math.max(0, Math.min(listed.length - 1, at + by))] as Item);
      return;
    }
    const later = [...visible].filter((each) =>
      by > 0 ? each.position > now.current : each.position < now.current,
    );
    select((by > 0 ? later[0] : later[later.length - 1]) ?? (listed[0] as Item));
  }

  function step(frameCount: number): void {
    if (player.current) player.current.step(frameCount);
    else {
      const frame = Math.max(0, Math.min(clock.count - 1, shownFrame.current + frameCount));
      showTime(clock.startOf(frame), frame, false);
    }
  }

  function skip(ms: number): void {
    if (player.current) player.current.skip(ms);
    else seek(now.current + ms);
  }

  function playClip(): void {
    if (selected) {
      player.current?.playClip(selected.position - LEAD_MS, selected.position + LAG_MS);
    }
  }

  const toggleOrder = () => setOrder((former) => (former === "time" ? "uncertain" : "time"));
  const actions = {
    decide,
    undecide,
    change,
    move,
    moveHere,
    remove,
    add,
    playClip,
    undo,
  };

  // The latest functions, for listeners that are bound once.
  const latest = useRef({ ...actions, go, step, skip, nextTeam, select });
  latest.current = { ...actions, go, step, skip, nextTeam, select };

  useEffect(() => {
    const use = latest;
    const bindings: Record<string, () => void> = {
      Space: () => player.current?.toggle(),
      ArrowLeft: () => use.current.step(-1),
      ArrowRight: () => use.current.step(1),
      "Control+ArrowLeft": () => use.current.skip(-1000),
      "Control+ArrowRight": () => use.current.skip(1000),
      "Control+Shift+ArrowLeft": () => use.current.skip(-5000),
      "Control+Shift+ArrowRight": () => use.current.skip(5000),
      "Alt+ArrowLeft": () => use.current.move(-1),
      "Alt+ArrowRight": () => use.current.move(1),
      ArrowUp: () => use.current.go(-1),
      ArrowDown: () => use.current.go(1),
      j: () => player.current?.backward(),
      k: () => player.current?.pause(),
      l: () => player.current?.forward(),
      p: () => use.current.playClip(),
      a: () => use.current.decide("accepted"),
      x: () => use.current.decide("rejected"),
      u: () => use.current.undecide(),
      m: () => use.current.moveHere(),
      t: () => use.current.nextTeam(),
      o: toggleOrder,
      e: () => setExporting(match.corrections_file !== null),
      b: () => setShowBoxes((on) => !on),
      c: () => setShowCurves((on) => !on),
      Delete: () => use.current.remove(),
      Backspace: () => use.current.remove(),
      "$mod+z": () => use.current.undo(false),
      "$mod+Shift+z": () => use.current.undo(true),
      "$mod+y": () => use.current.undo(true),
      z: () => timeline.current?.zoom(0.5),
      "Shift+z": () => timeline.current?.zoom(2),
      f: () => timeline.current?.setView({ start: 0, end: duration }),
      "Shift+?": () => setHelp((open) => !open),
      "?": () => setHelp((open) => !open),
      Escape: () => {
        setHelp(false);
        setExporting(false);
        setSelectedId(null);
      },
    };
    ACTION_KEYS.forEach(([code], label) => {
      bindings[code] = () => use.current.add(label);
      bindings[`Shift+${code}`] = () => {
        if (label < match.classes.length) use.current.change({ label });
      };
    });
    return bindKeys(bindings);
  }, [match, duration]);

  return (
    <>
      <header>
        <h1>onball</h1>
        {chooser}
        <div class="head-end">
          <Saved editor={editor} file={match.corrections_file} />
          {match.corrections_file !== null && (
            <button class="quiet" onClick={() => setExporting(true)} title="Export (E)">
              Export
            </button>
          )}
          <button class="quiet" onClick={() => setHelp(true)} title="Keys (?)">
            Keys
          </button>
        </div>
      </header>
      {banner}
      <main class="match">
        <section class="stage" aria-label="Video">
          <VideoArea
            match={match}
            number={number}
            file={file}
            toggle={() => player.current?.toggle()}
            ready={(videos, recording) => {
              player.current?.close();
              const host = {
                presented: showTime,
                stateChanged: () => playback(undefined),
                switched: setFile,
              };
              player.current = videos ? new Player(videos, clock, host) : null;
              if (player.current && recording) {
                player.current.reach = (ms) => recording.reach(ms);
              }
              if (now.current) player.current?.seek(now.current);
              playback(undefined);
            }}
            overlay={
              footage?.files[file]?.tracks &&
              showBoxes && (
                <TracksOverlay
                  key={file}
                  number={number}
                  file={file}
                  clock={clock.files[file]?.clock ?? clock}
                  frame={() => player.current?.shownFrame ?? shownFrame.current}
                  readers={timeReaders.current}
                  failed={say}
                />
              )
            }
            clock={knowsFrames ? clock : null}
          />
          <Transport
            player={player.current}
            usable={usable}
            duration={duration}
            readers={timeReaders.current}
            time={now.current}
            frame={shownFrame.current}
            step={step}
            boxes={tracked ? showBoxes : null}
            setBoxes={setShowBoxes}
          />
        </section>
        <section class="lanes" aria-label="Timeline">
          {anyEvents && (
            <FilterBar
              match={match}
              threshold={threshold}
              setThreshold={setThreshold}
              tolerance={tolerance}
              setTolerance={setTolerance}
              filters={filters}
              setFilters={setFilters}
              counts={counts}
              comparison={comparison}
              byVerdict={byVerdict}
              setByVerdict={setByVerdict}
              curves={curves ? showCurves : null}
              setCurves={setShowCurves}
            />
          )}
          <TimelinePanel
            match={match}
            items={visible}
            verdicts={verdicts}
            candidates={candidates}
            truth={truth}
            curves={showCurves ? curves : null}
            duration={duration}
            done={match.growing?.kind === "spotting" ? match.growing.done_ms : duration}
            selected={selectedId}
            byVerdict={byVerdict && compared}
            filters={filters}
            setFilters={setFilters}
            clock={clock}
            timeline={timeline}
            readers={timeReaders.current}
            seek={seek}
            select={select}
          />
        </section>
        <aside class="side" aria-label="Events and figures">
          <div class="tabs" role="tablist" aria-label="Panels">
            {tabs.map((each) => (
              <button
                key={each}
                role="tab"
                id={`tab-${each}`}
                aria-selected={tab === each}
                aria-controls="panel"
                onClick={() => setTab(each)}
              >
                {each}
                {each === "Events" && <span class="number">{listed.length + missed.length}</span>}
              </button>
            ))}
          </div>
          <div id="panel" class="panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
            {tab === "Events" && (
              <>
                <SelectedEvent match={match} item={selected} clock={clock} {...actions} />
                {anyEvents ? (
                  <EventList
                    match={match}
                    number={number}
                    items={listed}
                    missed={missed}
                    comparison={comparison}
                    selected={selectedId}
                    order={order}
                    toggleOrder={toggleOrder}
                    review={review}
                    thumbnails={footage !== null && footage.recorded === null}
                    select={select}
                    seek={seek}
                    add={add}
                  />
                ) : (
                  <NoEvents spot={spot && firstFile ? () => spot(firstFile) : null} />
                )}
              </>
            )}
            {tab === "Figures" && comparison && (
              <FiguresPanel
                match={match}
                comparison={comparison}
                counts={counts}
                threshold={threshold}
              />
            )}
            {tab === "Review" && (
              <ReviewPanel
                match={match}
                agreement={editor.agreement}
                review={review}
                start={() => {
                  setOrder("uncertain");
                  setFilters({ ...filters, status: "all" });
                  setTab("Events");
                  const first = ordered(match, shown, "uncertain", threshold)[0];
                  if (first) select(first);
                }}
              />
            )}
          </div>
        </aside>
      </main>
      <p class="visually-hidden" role="status" aria-live="polite">
        {said}
      </p>
      {exporting && (
        <ExportDialog
          match={match}
          number={number}
          threshold={threshold}
          hidden={filters.hidden}
          close={() => setExporting(false)}
        />
      )}
      {help && <HelpDialog match={match} close={() => setHelp(false)} />}
    </>
  );
}

/** A random name; unlike `crypto.randomUUID` also on a page of another machine without encryption. */
function uniqueId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The next event of a list after a selected one that is wanted, or else the first one before it. */
function following(items: Item[], selected: Item, wanted: (item: Item) => boolean): Item | null {
  const at = items.findIndex((each) => each.id === selected.id);
  const rest = [...items.slice(at + 1), ...items.slice(0, Math.max(0, at))];
  return rest.find((each) => each.id !== selected.id && wanted(each)) ?? null;
}
