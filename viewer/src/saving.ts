/** Corrections of one match: edited at once, saved as they come, merged with those of other tabs. */

import type { Corrections, Entry } from "./api";
import { RequestError } from "./api";

export type Change = Record<string, Entry | null>;

export type SaveState =
  | { kind: "saved" }
  | { kind: "saving" }
  | { kind: "offline" }
  | { kind: "failed"; reason: string };

export interface Remote {
  read(): Promise<Corrections>;
  write(version: number, changes: Change): Promise<Corrections>;
}

interface Step {
  before: Change;
  after: Change;
}

const RETRY_MS = 2000;

export class Editor {
  private version: number;
  private readonly entriesNow = new Map<string, Entry>();
  private pending: Change = {};
  private busy = false;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private undoable: Step[] = [];
  private redoable: Step[] = [];
  private closed = false;
  state: SaveState = { kind: "saved" };
  agreement: Corrections["agreement"];
  /** Number of entries of another tab that were taken over, since the page was loaded. */
  merged = 0;

  constructor(
    initial: Corrections,
    private readonly remote: Remote,
    private readonly changed: () => void,
    private readonly kept: { load(): Change; store(changes: Change): void },
  ) {
    this.version = initial.version;
    this.agreement = initial.agreement;
    this.replace(initial.entries);
    // Left over by a page that could not reach the server any more.
    const left = kept.load();
    if (Object.keys(left).length) {
      this.pending = left;
      this.assign(left);
      void this.flush();
    }
  }

  get entries(): ReadonlyMap<string, Entry> {
    return this.entriesNow;
  }

  get canUndo(): boolean {
    return this.undoable.length > 0;
  }

  get canRedo(): boolean {
    return this.redoable.length > 0;
  }

  /** Change entries; null removes one. */
  edit(after: Change): void {
    const before: Change = {};
    for (const id of Object.keys(after)) before[id] = this.entriesNow.get(id) ?? null;
    this.undoable.push({ before, after });
    this.redoable = [];
    this.put(after);
  }

  /** Undo the last change, and return the ids of its events. */
  undo(): string[] {
    const step = this.undoable.pop();
    if (!step) return [];
    this.redoable.push(step);
    this.put(step.before);
    return Object.keys(step.before);
  }

  redo(): string[] {
    const step = this.redoable.pop();
    if (!step) return [];
    this.undoable.push(step);
    this.put(step.after);
    return Object.keys(step.after);
  }

  /** Take over what another tab has written, unless this one is ahead. */
  async refresh(): Promise<void> {
    if (this.busy || this.closed || Object.keys(this.pending).length) return;
    try {
      const current = await this.remote.read();
      if (current.version !== this.version && !this.busy) this.adopt(current);
    } catch {
      // the next write reports it
    }
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
  }

  private put(changes: Change): void {
    this.assign(changes);
    Object.assign(this.pending, changes);
    this.kept.store(this.pending);
    this.changed();
    void this.flush();
  }

  private assign(changes: Change): void {
    for (const [id, entry] of Object.entries(changes)) {
      if (entry === null) this.entriesNow.delete(id);
      else this.entriesNow.set(id, entry);
    }
  }

  private replace(entries: Record<string, Entry>): void {
    this.entriesNow.clear();
    for (const [id, entry] of Object.entries(entries)) this.entriesNow.set(id, entry);
  }

  /** Take the server's entries, and put what is not saved yet over them. */
  private adopt(current: Corrections): void {
    const others = Object.entries(current.entries).filter(
      ([id, entry]) => JSON.stringify(this.entriesNow.get(id)) !== JSON.stringify(entry),
    );
    const removed = [...this.entriesNow.keys()].filter(
      (id) => !(id in current.entries) && !(id in this.pending),
    );
    this.merged += others.filter(([id]) => !(id in this.pending)).length + removed.length;
    this.version = current.version;
    this.agreement = current.agreement;
    this.replace(current.entries);
    this.assign(this.pending);
    this.changed();
  }

  private async flush(): Promise<void> {
    if (this.busy || this.closed) return;
    clearTimeout(this.retry);
    this.busy = true;
    while (Object.keys(this.pending).length && !this.closed) {
      const sent = this.pending;
      this.pending = {};
      this.setState({ kind: "saving" });
      try {
        const written = await this.remote.write(this.version, sent);
        this.version = written.version;
        this.agreement = written.agreement;
      } catch (error) {
        this.pending = { ...sent, ...this.pending };
        if (error instanceof RequestError && error.status === 409) {
          this.adopt(error.body as Corrections);
          continue;
        }
        const refused = error instanceof RequestError;
        this.setState(refused ? { kind: "failed", reason: error.message } : { kind: "offline" });
        this.retry = setTimeout(() => void this.flush(), RETRY_MS);
        this.busy = false;
        return;
      }
      this.kept.store(this.pending);
    }
    this.busy = false;
    this.setState({ kind: "saved" });
  }

  private setState(state: SaveState): void {
    this.state = state;
    this.changed();
  }
}

/** Changes that are not saved yet, kept by the browser in case that page and server both end. */
export function keptIn(storage: Storage, key: string) {
  return {
    load(): Change {
      try {
        return JSON.parse(storage.getItem(key) ?? "{}") as Change;
      } catch {
        return {};
      }
    },
    store(changes: Change): void {
      try {
        if (Object.keys(changes).length) storage.setItem(key, JSON.stringify(changes));
        else storage.removeItem(key);
      } catch {
        // no room, or not allowed: they are still in memory
      }
    },
  };
}
