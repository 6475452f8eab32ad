import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listedClock, steadyClock, type FrameClock } from "../src/frames";
import { Screen } from "../src/screen";

/** Times after which a seek ends and its frame is reported, in milliseconds. */
interface Delays {
  seeked: number;
  frame: number;
}

/** A video element that seeks and reports frames with delays. */
class FakeVideo extends EventTarget {
  seeking = false;
  readyState = 4;
  readonly seeks: number[] = [];
  /** Frame that is shown at a time in seconds. */
  frameTime = (seconds: number) => Math.floor(seconds * 25 + 1e-9) / 25;
  delays: Delays[] = [];
  usual: Delays = { seeked: 10, frame: 20 };
  private time = 0;
  private number = 0;
  private callbacks: VideoFrameRequestCallback[] = [];

  requestVideoFrameCallback(callback: VideoFrameRequestCallback): number {
    return this.callbacks.push(callback);
  }

  pause(): void {}

  get currentTime(): number {
    return this.time;
  }

  set currentTime(seconds: number) {
    this.time = seconds;
    this.seeking = true;
    this.seeks.push(Math.round(seconds * 1000));
    const number = ++this.number;
    const { seeked, frame } = this.delays.shift() ?? this.usual;
    setTimeout(() => {
      // A seek that another one has replaced does not end.
      if (number !== this.number) return;
      this.seeking = false;
      this.dispatchEvent(new Event("seeked"));
    }, seeked);
    setTimeout(() => this.report(this.frameTime(seconds)), frame);
  }

  report(mediaTime: number): void {
    const callbacks = this.callbacks.splice(0);
    for (const each of callbacks) each(0, { mediaTime } as VideoFrameCallbackMetadata);
  }
}

function opened(clock: FrameClock = steadyClock(25, 100)): [FakeVideo, Screen] {
  const video = new FakeVideo();
  const screen = new Screen(video as unknown as HTMLVideoElement, clock, {
    presented: () => undefined,
    stateChanged: () => undefined,
    ended: () => undefined,
    playing: () => false,
  });
  video.report(0);
  return [video, screen];
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

describe("Screen", () => {
  it("seeks to the middle of a frame, once", () => {
    const [video, screen] = opened();
    screen.show(73);
    vi.advanceTimersByTime(3000);
    expect([screen.shownFrame, screen.position, video.seeks]).toEqual([73, 73, [2940]]);
  });

  it("waits for a frame that is reported long after its seek", () => {
    const [video, screen] = opened();
    video.delays = [{ seeked: 18, frame: 800 }];
    screen.show(73);
    vi.advanceTimersByTime(5000);
    expect([screen.shownFrame, screen.position, video.seeks]).toEqual([73, 73, [2940]]);
  });

  it("seeks once more if the frame of an earlier seek came late", () => {
    const [video, screen] = opened();
    video.delays = [
      { seeked: 10, frame: 250 },
      { seeked: 10, frame: 400 },
    ];
    screen.show(50);
    vi.advanceTimersByTime(200);
    screen.show(73);
    vi.advanceTimersByTime(5000);
    expect([screen.shownFrame, screen.position]).toEqual([73, 73]);
    expect(video.seeks).toEqual([2020, 2940, 2935]);
  });

  it("goes to the last of several frames that are wanted during a seek", () => {
    const [video, screen] = opened();
    video.usual = { seeked: 100, frame: 110 };
    for (const frame of [10, 11, 12, 13]) screen.show(frame);
    expect(screen.position).toBe(13);
    vi.advanceTimersByTime(3000);
    expect([screen.shownFrame, video.seeks]).toEqual([13, [420, 540]]);
  });

  it("leaves a seek that does not end for the next one", () => {
    const [video, screen] = opened();
    video.delays = [{ seeked: 1e6, frame: 1e6 }];
    screen.show(50);
    vi.advanceTimersByTime(500);
    screen.show(10);
    vi.advanceTimersByTime(3000);
    expect([screen.shownFrame, video.seeks]).toEqual([10, [2020, 420]]);
  });

  it("does without frames that nobody reports", () => {
    const [video, screen] = opened();
    video.usual = { seeked: 10, frame: 1e6 };
    screen.show(50);
    vi.advanceTimersByTime(5000);
    expect([screen.shownFrame, screen.position, video.seeks]).toEqual([50, 50, [2020]]);
  });

  it("searches for a frame where the browser shows a neighbour", () => {
    const times = [0, 40, 80, 480, 520];
    const [video, screen] = opened(listedClock(times, 560));
    // It shows the last frame before the gap for 40 ms only.
    video.frameTime = (s) => [0, 0.04, 0.08, 0.48, 0.52][s < 0.12 ? Math.floor(s * 25) : s < 0.52 ? 3 : 4]!;
    screen.show(2);
    vi.advanceTimersByTime(5000);
    expect([screen.shownFrame, screen.position]).toEqual([2, 2]);
    expect(video.seeks.length).toBeGreaterThan(2);
  });

  it("steps over a frame that cannot be shown", () => {
    const [video, screen] = opened();
    video.frameTime = (s) => (Math.floor(s * 25) === 7 ? 6 : Math.floor(s * 25 + 1e-9)) / 25;
    screen.show(7);
    vi.advanceTimersByTime(10_000);
    expect(screen.position).toBe(7);
    expect(screen.shownFrame).not.toBe(7);
  });
});
