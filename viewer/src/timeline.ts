/** The timeline: one lane per action on a canvas, a minimap below it, zoom and scroll. */

import type { Curves } from "./curves";
import { CurveImage } from "./curves";
import { clock } from "./frames";
import type { Item, Verdict } from "./model";

export interface Lane {
  label: number;
  name: string;
  colour: string;
  dimmed: boolean;
}

export interface TruthMark {
  position: number;
  label: number;
  missed: boolean;
  index: number;
}

export interface Scene {
  lanes: Lane[];
  /** Shown events in order of time. */
  items: Item[];
  verdicts: Verdict[];
  /** Labels in order of time; null without any. */
  truth: TruthMark[] | null;
  /** Candidates below the threshold, in order of time. */
  candidates: Item[];
  /** Confidences of all frames, drawn in place of the candidates; null without any. */
  curves: Curves | null;
  duration: number;
  /** Time up to which events were looked for; the rest is drawn as empty. */
  done: number;
  /** Times at which another file begins. */
  seams: readonly number[];
  selected: string | null;
  byVerdict: boolean;
}

export interface View {
  start: number;
  end: number;
}

export interface Handlers {
  seek(ms: number): void;
  select(item: Item): void;
  viewChanged(view: View): void;
}

interface Palette {
  ink: string;
  faint: string;
  grid: string;
  lane: string;
  ground: string;
  accent: string;
  hit: string;
  wrong: string;
  missed: string;
}

export const RULER = 24;
export const MINIMAP = 38;
const SHORTEST_VIEW_MS = 1000;
/** Distance in pixels at which a click still selects an event. */
const CLICK_RADIUS = 7;
const STEPS_S = [0.04, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

export class Timeline {
  private scene: Scene | null = null;
  view: View = { start: 0, end: 1 };
  private now = 0;
  private width = 0;
  private height = 0;
  private ratio = 1;
  /** What is drawn without the playhead, so that playing redraws only that. */
  private readonly layer = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;
  private readonly screen: CanvasRenderingContext2D;
  private readonly curveImage = new CurveImage();
  private stale = true;
  private palette!: Palette;
  private scheduled = 0;
  private density: Float32Array | null = null;
  /** Candidates of each lane. */
  private byLane: Item[][] | null = null;
  private drag: { x: number; view: View; minimap: boolean; moved: boolean } | null = null;
  private readonly observer: ResizeObserver;
  private readonly dark = matchMedia("(prefers-color-scheme: dark)");
  private readonly pointers = new Map<number, number>();
  laneHeight = 26;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly handlers: Handlers,
  ) {
    const context = this.layer.getContext("2d", { alpha: false });
    const screen = canvas.getContext("2d", { alpha: false });
    if (!context || !screen) throw new Error("no canvas");
    this.context = context;
    this.screen = screen;
    this.readPalette();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(canvas);
    this.dark.addEventListener("change", this.readPalette);
    canvas.addEventListener("pointerdown", this.down);
    canvas.addEventListener("pointermove", this.move);
    canvas.addEventListener("pointerup", this.up);
    canvas.addEventListener("pointercancel", this.cancel);
    canvas.addEventListener("wheel", this.wheel, { passive: false });
  }

  close(): void {
    this.observer.disconnect();
    this.dark.removeEventListener("change", this.readPalette);
    cancelAnimationFrame(this.scheduled);
  }

  setScene(scene: Scene): void {
    const former = this.scene?.duration ?? 0;
    const { start, end } = this.view;
    if (this.scene?.items !== scene.items) this.density = null;
    if (this.scene?.candidates !== scene.candidates) this.byLane = null;
    this.scene = scene;
    if (former !== scene.duration) {
      const longer = former > 0 && scene.duration > former;
      // A part of a match that grows stays where it is, and its end stays the end.
      if (!longer || (start <= 0 && end >= former)) this.setView({ start: 0, end: scene.duration });
      else if (end >= former) {
        this.setView({ start: start + scene.duration - former, end: scene.duration });
      } else this.setView(this.view);
    }
    this.schedule();
  }

  setTime(ms: number, follow: boolean): void {
    this.now = ms;
    if (follow && !this.drag && (ms < this.view.start || ms > this.view.end)) {
      const span = this.view.end - this.view.start;
      const start = ms < this.view.start ? ms - span * 0.85 : ms - span * 0.15;
      this.setView({ start, end: start + span });
    }
    this.schedule(false);
  }

  /** Scroll so that a time is visible. */
  reveal(ms: number): void {
    const span = this.view.end - this.view.start;
    const margin = span * 0.08;
    if (ms >= this.view.start + margin && ms <= this.view.end - margin) return;
    this.setView({ start: ms - span / 2, end: ms + span / 2 });
  }

  zoom(factor: number, centre = this.zoomCentre()): void {
    const { start, end } = this.view;
    const part = (centre - start) / (end - start);
    const span = (end - start) * factor;
    this.setView({ start: centre - span * part, end: centre + span * (1 - part) });
  }

  setView(view: View): void {
    const duration = this.scene?.duration ?? 1;
    const least = Math.min(SHORTEST_VIEW_MS, duration);
    const span = Math.min(duration, Math.max(least, view.end - view.start));
    const middle = (view.start + view.end) / 2;
    const wanted = span === view.end - view.start ? view.start : middle - span / 2;
    const start = Math.min(duration - span, Math.max(0, wanted));
    this.view = { start, end: start + span };
    this.handlers.viewChanged(this.view);
    this.schedule();
  }

  private zoomCentre(): number {
    const { start, end } = this.view;
    return this.now >= start && this.now <= end ? this.now : (start + end) / 2;
  }

  private readonly readPalette = (): void => {
    const style = getComputedStyle(document.documentElement);
    const read = (name: string) => style.getPropertyValue(`--${name}`).trim();
    this.palette = {
      ink: read("ink"),
      faint: read("faint"),
      grid: read("line"),
      lane: read("lane"),
      ground: read("panel"),
      accent: read("accent"),
      hit: read("hit"),
      wrong: read("wrong"),
      missed: read("missed"),
    };
    this.schedule();
  };

  private resize(): void {
    this.ratio = devicePixelRatio || 1;
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    this.canvas.width = this.layer.width = Math.round(this.width * this.ratio);
    this.canvas.height = this.layer.height = Math.round(this.height * this.ratio);
    this.stale = true;
    this.draw();
  }

  private schedule(stale = true): void {
    this.stale ||= stale;
    if (!this.scheduled) this.scheduled = requestAnimationFrame(() => this.draw());
  }

  private x(ms: number): number {
    return ((ms - this.view.start) / (this.view.end - this.view.start)) * this.width;
  }

  private ms(x: number): number {
    return this.view.start + (x / this.width) * (this.view.end - this.view.start);
  }

  private draw(): void {
    cancelAnimationFrame(this.scheduled);
    this.scheduled = 0;
    const { scene } = this;
    if (!scene || !this.width || !this.height) return;
    if (this.stale) this.drawLayer(scene);
    this.screen.setTransform(1, 0, 0, 1, 0, 0);
    this.screen.drawImage(this.layer, 0, 0);
    this.drawPlayhead(scene);
  }

  private drawLayer(scene: Scene): void {
    const { context } = this;
    this.stale = false;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.fillStyle = this.palette.ground;
    context.fillRect(0, 0, this.width, this.height);
    this.laneHeight = (this.height - RULER - MINIMAP) / Math.max(1, scene.lanes.length);
    this.drawLanes(scene);
    this.drawRuler(scene);
    this.drawRest(scene);
    this.drawSeams(scene);
    if (scene.curves) this.drawCurves(scene, scene.curves);
    else this.drawCandidates(scene);
    if (scene.truth) this.drawTruth(scene, scene.truth);
    this.drawItems(scene);
    this.drawMinimap(scene);
  }

  private drawLanes(scene: Scene): void {
    const { context, palette } = this;
    scene.lanes.forEach((_, row) => {
      if (row % 2) return;
      context.fillStyle = palette.lane;
      context.fillRect(0, RULER + row * this.laneHeight, this.width, this.laneHeight);
    });
  }

  private drawRuler(scene: Scene): void {
    const { context, palette } = this;
    const span = this.view.end - this.view.start;
    const wanted = (span / 1000) * (86 / this.width);
    const step = (STEPS_S.find((each) => each >= wanted) ?? 3600) * 1000;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    const bottom = RULER + scene.lanes.length * this.laneHeight;
    const digits = step < 1000 ? 2 : 0;
    for (let tick = Math.ceil(this.view.start / step) * step; tick <= this.view.end; tick += step) {
      const x = Math.round(this.x(tick)) + 0.5;
      context.fillStyle = palette.grid;
      context.fillRect(x - 0.5, RULER - 6, 1, bottom - RULER + 6);
      context.fillStyle = palette.faint;
      if (x < this.width - 30) context.fillText(clock(tick, digits), x + 4, RULER / 2);
    }
  }

  /** Dashed lines where another file begins. */
  private drawSeams(scene: Scene): void {
    const { context, palette } = this;
    const bottom = RULER + scene.lanes.length * this.laneHeight;
    context.strokeStyle = palette.faint;
    context.lineWidth = 1;
    context.setLineDash([4, 3]);
    for (const seam of scene.seams) {
      const x = Math.round(this.x(seam)) + 0.5;
      context.beginPath();
      context.moveTo(x, 2);
      context.lineTo(x, bottom);
      context.stroke();
    }
    context.setLineDash([]);
  }

  /** The part in which no events were looked for yet. */
  private drawRest(scene: Scene): void {
    const { context, palette } = this;
    const x = Math.max(0, this.x(scene.done));
    if (scene.done >= scene.duration || x >= this.width) return;
    const bottom = RULER + scene.lanes.length * this.laneHeight;
    context.fillStyle = palette.grid;
    context.globalAlpha = 0.5;
    context.fillRect(x, RULER, this.width - x, bottom - RULER);
    context.globalAlpha = 1;
    context.fillStyle = palette.accent;
    context.fillRect(x - 0.5, RULER, 1, bottom - RULER);
  }

  private range(marks: readonly { position: number }[]): [number, number] {
    const margin = ((this.view.end - this.view.start) / this.width) * 8;
    const first = firstAtLeast(marks, this.view.start - margin);
    return [first, firstAtLeast(marks, this.view.end + margin)];
  }

  private rows(scene: Scene): Map<number, number> {
    return new Map(scene.lanes.map((lane, row) => [lane.label, row]));
  }

  /** Candidates below the threshold: faint lines, as high as their confidence; one for a pixel. */
  private drawCandidates(scene: Scene): void {
    const { context } = this;
    this.byLane ??= splitByLane(scene);
    context.globalAlpha = 0.4;
    this.byLane.forEach((candidates, row) => {
      const lane = scene.lanes[row];
      if (!lane || lane.dimmed) return;
      context.fillStyle = lane.colour;
      const bottom = RULER + (row + 1) * this.laneHeight - 2;
      const [first, stop] = this.range(candidates);
      let column = -1;
      let highest = 0;
      const put = () => {
        const height = Math.max(1, highest * (this.laneHeight - 6));
        if (highest > 0) context.fillRect(column, bottom - height, 1, height);
      };
      for (let i = first; i < stop; i++) {
        const item = candidates[i] as Item;
        const x = Math.round(this.x(item.position));
        if (x !== column) {
          put();
          column = x;
          highest = 0;
        }
        highest = Math.max(highest, item.confidence);
      }
      put();
    });
    context.globalAlpha = 1;
  }

  /** Confidences of all frames, from their lowest to their highest value in each column of pixels. */
  private drawCurves(scene: Scene, curves: Curves): void {
    const { start, end } = this.view;
    const { width, height } = this.layer;
    const room = this.laneHeight - 2 - (scene.truth ? this.laneHeight * 0.4 : 3);
    const bounds = curves.bounds(start, end, width);
    this.curveImage.clear(width, height);
    scene.lanes.forEach((lane, row) => {
      if (lane.dimmed) return;
      const bottom = (RULER + (row + 1) * this.laneHeight - 2) * this.ratio;
      const columns = curves.columns(lane.label, start, end, bounds);
      this.curveImage.draw(columns, lane.colour, Math.round(bottom), room * this.ratio);
    });
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.curveImage.show(this.context, 0, 0);
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
  }

  /** Labels: short bars at the top of their lane; those that were missed are hollow. */
  private drawTruth(scene: Scene, truth: TruthMark[]): void {
    const { context, palette } = this;
    const rows = this.rows(scene);
    const [first, stop] = this.range(truth);
    const height = this.laneHeight * 0.34;
    const roomy = stop - first < this.width;
    for (const missed of [false, true]) {
      const colour = missed ? palette.missed : palette.hit;
      context.fillStyle = scene.byVerdict ? colour : palette.faint;
      context.strokeStyle = palette.missed;
      context.lineWidth = 1.5;
      for (let i = first; i < stop; i++) {
        const mark = truth[i] as TruthMark;
        const row = rows.get(mark.label);
        if (mark.missed !== missed || row === undefined || scene.lanes[row]?.dimmed) continue;
        const x = this.x(mark.position);
        const top = RULER + row * this.laneHeight + 2;
        if (!scene.byVerdict) context.fillRect(x - 1.5, top, 3, height);
        else if (missed && roomy) context.strokeRect(x - 2.75, top + 0.75, 5.5, height - 1.5);
        else context.fillRect(x - 1.5, top, 3, height);
      }
    }
  }

  private drawItems(scene: Scene): void {
    const { context, palette } = this;
    const rows = this.rows(scene);
    const [first, stop] = this.range(scene.items);
    // Signs beside the colours need room: a whole match of thousands of events has none.
    const roomy = stop - first < this.width;
    const upper = scene.truth ? this.laneHeight * 0.4 : 3;
    let colour = "";
    let selected: [Item, number] | null = null;
    for (let i = first; i < stop; i++) {
      const item = scene.items[i] as Item;
      const row = rows.get(item.label);
      const lane = row === undefined ? undefined : scene.lanes[row];
      if (row === undefined || !lane || lane.dimmed) continue;
      const verdict = scene.verdicts[i];
      const wanted = !scene.byVerdict
        ? lane.colour
        : verdict === "hit"
          ? palette.hit
          : verdict === "false"
            ? palette.wrong
            : palette.faint;
      const x = this.x(item.position);
      const top = RULER + row * this.laneHeight + upper;
      const bottom = RULER + (row + 1) * this.laneHeight - 2;
      if (item.id === scene.selected) selected = [item, row];
      if (wanted !== colour) context.fillStyle = colour = wanted;
      if (item.status === "rejected") {
        context.globalAlpha = 0.45;
        context.fillRect(x - 0.75, top, 1.5, bottom - top);
        context.fillRect(x - 4, (top + bottom) / 2 - 0.75, 8, 1.5);
        context.globalAlpha = 1;
        continue;
      }
      const height = (0.3 + 0.7 * item.confidence) * (bottom - top);
      context.fillRect(x - 1.5, bottom - height, 3, height);
      if (item.status === "added") context.fillRect(x - 4, bottom - height, 8, 2.5);
      if (item.status === "accepted") context.fillRect(x - 4, bottom - 2.5, 8, 2.5);
      // A second sign beside the colour: wrong ones have a notch.
      if (roomy && scene.byVerdict && verdict === "false") {
        context.fillRect(x - 3.5, bottom - height, 7, 3);
      }
    }
    if (selected) {
      const [item, row] = selected;
      const top = RULER + row * this.laneHeight + 1;
      context.strokeStyle = palette.accent;
      context.lineWidth = 2;
      context.strokeRect(this.x(item.position) - 6, top, 12, this.laneHeight - 2);
    }
  }

  private drawMinimap(scene: Scene): void {
    const { context, palette } = this;
    const top = this.height - MINIMAP + 6;
    const height = MINIMAP - 8;
    context.fillStyle = palette.lane;
    context.fillRect(0, top, this.width, height);
    const bins = Math.max(1, Math.floor(this.width / 3));
    if (!this.density || this.density.length !== bins) {
      this.density = new Float32Array(bins);
      for (const position of positionsOf(scene)) {
        const bin = Math.min(bins - 1, Math.floor((position / scene.duration) * bins));
        this.density[bin] = (this.density[bin] as number) + 1;
      }
    }
    const most = Math.max(1, ...this.density);
    context.fillStyle = palette.faint;
    context.globalAlpha = 0.6;
    for (let bin = 0; bin < bins; bin++) {
      const part = ((this.density[bin] as number) / most) * (height - 4);
      if (part) context.fillRect((bin * this.width) / bins, top + height - part, 2, part);
    }
    context.globalAlpha = 1;
    const left = (this.view.start / scene.duration) * this.width;
    const right = (this.view.end / scene.duration) * this.width;
    context.strokeStyle = palette.accent;
    context.lineWidth = 1.5;
    context.fillStyle = palette.accent;
    context.globalAlpha = 0.12;
    context.fillRect(left, top, right - left, height);
    context.globalAlpha = 1;
    context.strokeRect(left + 0.75, top + 0.75, Math.max(3, right - left - 1.5), height - 1.5);
  }

  private drawPlayhead(scene: Scene): void {
    const { screen, palette } = this;
    screen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    screen.fillStyle = palette.accent;
    const small = (this.now / scene.duration) * this.width;
    screen.fillRect(small - 0.75, this.height - MINIMAP + 6, 1.5, MINIMAP - 8);
    const x = this.x(this.now);
    if (x < -8 || x > this.width + 8) return;
    screen.fillRect(x - 0.75, 4, 1.5, this.height - MINIMAP - 4);
    screen.beginPath();
    screen.moveTo(x - 6, 2);
    screen.lineTo(x + 6, 2);
    screen.lineTo(x, 12);
    screen.fill();
  }

  private readonly down = (event: PointerEvent): void => {
    if (event.button > 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, event.offsetX);
    const minimap = event.offsetY > this.height - MINIMAP;
    this.drag = { x: event.offsetX, view: this.view, minimap, moved: false };
    if (minimap) this.centreMinimap(event.offsetX);
  };

  private readonly move = (event: PointerEvent): void => {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined || !this.drag) return;
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1] ?? 0;
      const was = Math.abs(before - other);
      const is = Math.abs(event.offsetX - other);
      if (was > 10 && is > 10) this.zoom(was / is, this.ms((other + event.offsetX) / 2));
      this.pointers.set(event.pointerId, event.offsetX);
      this.drag = { ...this.drag, x: event.offsetX, view: this.view, moved: true };
      return;
    }
    this.pointers.set(event.pointerId, event.offsetX);
    const { x, view, minimap } = this.drag;
    if (Math.abs(event.offsetX - x) > 3) this.drag.moved = true;
    if (minimap) this.centreMinimap(event.offsetX);
    else if (this.drag.moved) {
      const by = ((x - event.offsetX) / this.width) * (view.end - view.start);
      this.setView({ start: view.start + by, end: view.end + by });
    }
  };

  private readonly up = (event: PointerEvent): void => {
    const { drag } = this;
    this.cancel(event);
    if (!drag || drag.moved || drag.minimap || !this.scene) return;
    const item = this.itemAt(event.offsetX, event.offsetY);
    if (item) {
      this.handlers.select(item);
      return;
    }
    const mark = this.truthAt(event.offsetX, event.offsetY);
    this.handlers.seek(mark ? mark.position : this.ms(event.offsetX));
  };

  private readonly cancel = (event: PointerEvent): void => {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.drag = null;
  };

  private centreMinimap(x: number): void {
    const centre = (x / this.width) * (this.scene?.duration ?? 1);
    const half = (this.view.end - this.view.start) / 2;
    this.setView({ start: centre - half, end: centre + half });
  }

  private readonly wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    if (event.ctrlKey || event.metaKey) {
      this.zoom(Math.exp((event.deltaY * unit) / 300), this.ms(event.offsetX));
      return;
    }
    const by = (event.deltaX + event.deltaY) * unit;
    const span = this.view.end - this.view.start;
    const shift = (by / this.width) * span;
    this.setView({ start: this.view.start + shift, end: this.view.end + shift });
  };

  private rowAt(y: number): number {
    return Math.floor((y - RULER) / this.laneHeight);
  }

  private itemAt(x: number, y: number): Item | null {
    const lane = this.scene?.lanes[this.rowAt(y)];
    if (!this.scene || !lane || lane.dimmed || y < RULER) return null;
    if (this.scene.truth && (y - RULER) % this.laneHeight < this.laneHeight * 0.36) return null;
    return this.nearest(this.scene.items, lane.label, x);
  }

  private truthAt(x: number, y: number): TruthMark | null {
    const lane = this.scene?.lanes[this.rowAt(y)];
    if (!this.scene?.truth || !lane || lane.dimmed || y < RULER) return null;
    return this.nearest(this.scene.truth, lane.label, x);
  }

  private nearest<T extends { position: number; label: number }>(
    marks: T[],
    label: number,
    x: number,
  ): T | null {
    const [first, stop] = this.range(marks);
    let best: T | null = null;
    let least = CLICK_RADIUS;
    for (let i = first; i < stop; i++) {
      const mark = marks[i] as T;
      const distance = Math.abs(this.x(mark.position) - x);
      if (mark.label === label && distance <= least) {
        least = distance;
        best = mark;
      }
    }
    return best;
  }
}

function splitByLane(scene: Scene): Item[][] {
  const rows = new Map(scene.lanes.map((lane, row) => [lane.label, row]));
  const lists: Item[][] = scene.lanes.map(() => []);
  for (const item of scene.candidates) lists[rows.get(item.label) ?? -1]?.push(item);
  return lists;
}

function firstAtLeast(marks: readonly { position: number }[], ms: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle] as { position: number }).position < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}


/** Times that the minimap counts: those of the events, or of missed labels where only these are listed. */
function positionsOf(scene: Scene): number[] {
  const events = scene.items.filter((item) => item.status !== "rejected");
  const missed = scene.items.length ? [] : (scene.truth ?? []).filter((mark) => mark.missed);
  return [...events, ...missed].map((each) => each.position);
}
