import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Corrections, Entry } from "../src/api";
import { RequestError } from "../src/api";
import type { Change } from "../src/saving";
import { Editor } from "../src/saving";
import { entry } from "./sample";

/** A file of corrections as the server keeps it. */
class Server {
  current: Corrections = { version: 0, entries: {}, agreement: {} as never };
  reachable = true;
  refusing = false;
  requests = 0;

  read = async () => structuredClone(this.current);

  write = async (version: number, changes: Change): Promise<Corrections> => {
    this.requests++;
    await Promise.resolve();
    if (!this.reachable) throw new TypeError("network");
    if (this.refusing) throw new RequestError("disk full", 500, null);
    if (version !== this.current.version) throw new RequestError("", 409, await this.read());
    const entries: Record<string, Entry> = { ...this.current.entries };
    for (const [id, each] of Object.entries(changes)) {
      if (each) entries[id] = each;
      else delete entries[id];
    }
    this.current = { ...this.current, version: version + 1, entries };
    return this.read();
  };
}

function open(server: Server, kept: Change = {}) {
  let left = kept;
  const editor = new Editor(structuredClone(server.current), server, () => undefined, {
    load: () => left,
    store: (changes) => {
      left = { ...changes };
    },
  });
  return { editor, left: () => left };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("changes", () => {
  it("are saved as they are made, one request at a time", async () => {
    const server = new Server();
    const { editor } = open(server);
    editor.edit({ a: entry() });
    editor.edit({ b: entry({ status: "rejected" }) });
    editor.edit({ c: entry() });
    await settle();
    expect(Object.keys(server.current.entries)).toEqual(["a", "b", "c"]);
    expect(server.requests).toBe(2);
    expect(editor.state.kind).toBe("saved");
  });

  it("are undone and done again, also on the server", async () => {
    const server = new Server();
    const { editor } = open(server);
    editor.edit({ a: entry() });
    editor.edit({ a: entry({ position_ms: 5 }) });
    editor.undo();
    expect(editor.entries.get("a")?.position_ms).toBe(1080);
    editor.undo();
    await settle();
    expect(server.current.entries).toEqual({});
    editor.redo();
    editor.redo();
    await settle();
    expect(server.current.entries.a?.position_ms).toBe(5);
    expect(editor.redo()).toEqual([]);
  });
});

describe("two tabs", () => {
  it("keep the changes of both, and of one event the last one", async () => {
    const server = new Server();
    const one = open(server).editor;
    const two = open(server).editor;
    one.edit({ a: entry(), b: entry() });
    await settle();
    two.edit({ b: entry({ status: "rejected" }), c: entry() });
    await settle();
    expect(Object.keys(server.current.entries).sort()).toEqual(["a", "b", "c"]);
    expect(server.current.entries.b?.status).toBe("rejected");
    expect([...two.entries.keys()].sort()).toEqual(["a", "b", "c"]);
    expect(two.merged).toBe(1);
    await one.refresh();
    expect(one.entries.get("c")).toBeDefined();
  });
});

describe("a server that has ended", () => {
  it("gets the changes when it is back", async () => {
    const server = new Server();
    server.reachable = false;
    const { editor, left } = open(server);
    editor.edit({ a: entry() });
    await settle();
    expect(editor.state.kind).toBe("offline");
    expect(Object.keys(left())).toEqual(["a"]);
    server.reachable = true;
    await vi.advanceTimersByTimeAsync(2500);
    expect(editor.state.kind).toBe("saved");
    expect(server.current.entries.a).toEqual(entry());
    expect(left()).toEqual({});
  });

  it("gets them from the next page if this one was closed too", async () => {
    const server = new Server();
    const { editor } = open(server, { a: entry() });
    expect(editor.entries.get("a")).toEqual(entry());
    await settle();
    expect(server.current.entries.a).toEqual(entry());
  });

  it("is told apart from one that refuses", async () => {
    const server = new Server();
    server.refusing = true;
    const { editor } = open(server);
    editor.edit({ a: entry() });
    await settle();
    expect(editor.state).toEqual({ kind: "failed", reason: "disk full" });
  });
});
