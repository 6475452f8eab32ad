/** Playing with exact frames: a seek goes to the middle of a frame, so that one step is one frame. */

import type { FrameClock } from "./frames";

const SPEEDS = [1, 2, 4, 8];
const REVERSE_STEP_MS = 80;
/** Seeks for one frame, until the one that came is shown as it is. */
const MOST_TRIES = 8;
/** Time after a seek in which its frame is presented. */
const FRAME_DELAY_MS = 60;

export class Player {
  /** Media time of the first frame in seconds; not 0 in every file. */
  private origin = 0;
  private knowsOrigin = false;
  private shown = 0;
  private wanted: number | null = null;
  /** Time that was sought last, and the bounds of the search for the wanted frame. */
  private target = 0;
  private low: number | null = null;
  private high: number | null = null;
  private tries = 0;
  private unreachable: number | null = null;
  private stopAt: number | null = null;
  private reverse: ReturnType<typeof setInterval> | undefined;
  private closed = false;
  /** Called with a time in milliseconds before it is sought. */
  reach: (ms: number) => void = () => undefined;

  constructor(
    readonly video: HTMLVideoElement,
    readonly clock: FrameClock,
    /** Called with the time in milliseconds and the index of each frame that is presented. */
    private readonly presented: (ms: number, frame: number, playing: boolean) => void,
    private readonly stateChanged: () => void,
  ) {
    video.requestVideoFrameCallback(this.onFrame);
    video.addEventListener("seeked", this.onSeeked);
    for (const name of ["play", "pause", "ratechange", "volumechange", "ended"]) {
      video.addEventListener(name, this.stateChanged);
    }
  }

  close(): void {
    this.closed = true;
    clearInterval(this.reverse);
    this.video.pause();
    this.video.removeEventListener("seeked", this.onSeeked);
    for (const name of ["play", "pause", "ratechange", "volumechange", "ended"]) {
      this.video.removeEventListener(name, this.stateChanged);
    }
  }

  get playing(): boolean {
    return !this.video.paused || this.reverse !== undefined;
  }

  /** The frame that is shown, or that a seek under way will show. */
  get frame(): number {
    return this.wanted ?? this.shown;
  }

  /** The frame that is on the screen, also while another one is sought. */
  get shownFrame(): number {
    return this.shown;
  }

  get speed(): number {
    return this.video.playbackRate;
  }

  private readonly onFrame = (_: number, metadata: VideoFrameCallbackMetadata): void => {
    if (this.closed) return;
    if (!this.knowsOrigin) {
      // The first frame is presented before anything can be sought.
      if (this.video.currentTime < 0.001) this.origin = metadata.mediaTime;
      this.knowsOrigin = true;
    }
    const ms = (metadata.mediaTime - this.origin) * 1000;
    this.shown = this.clock.frameAt(ms);
    this.settle();
    if (this.stopAt !== null && this.shown >= this.stopAt) this.pause();
    this.presented(this.clock.startOf(this.frame), this.frame, this.playing);
    this.video.requestVideoFrameCallback(this.onFrame);
  };

  /** End a seek whose frame has come, or search for it. */
  private readonly settle = (): void => {
    if (this.wanted === null || this.video.seeking || this.closed || this.search()) return;
    this.unreachable = this.shown === this.wanted || this.playing ? null : this.wanted;
    this.wanted = null;
  };

  /** The frame of a seek comes before or after the event, and may be the one that was shown before. */
  private readonly onSeeked = (): void => {
    setTimeout(() => {
      this.settle();
      if (!this.closed) this.presented(this.clock.startOf(this.frame), this.frame, this.playing);
    }, FRAME_DELAY_MS);
  };

  /** Show the frame of a time in milliseconds. */
  seek(ms: number): void {
    this.stopAt = null;
    this.show(this.clock.frameAt(ms));
  }

  step(frames: number): void {
    this.pause();
    // A frame that this browser cannot seek to is stepped over.
    this.show((this.wanted ?? this.unreachable ?? this.shown) + frames);
  }

  skip(ms: number): void {
    this.show(this.clock.frameAt(this.clock.startOf(this.frame) + ms));
  }

  private show(frame: number): void {
    const target = Math.max(0, Math.min(this.clock.count - 1, frame));
    this.wanted = target;
    this.tries = 0;
    this.low = this.high = null;
    this.reach(this.clock.startOf(target));
    this.goTo(this.clock.middleOf(target));
    this.presented(this.clock.startOf(target), target, this.playing);
  }

  private goTo(ms: number): void {
    this.target = ms;
    this.video.currentTime = this.origin + ms / 1000;
  }

  /**
   * Seek again if another frame came than the wanted one; false if nothing is left to do.
   *
   * Where the rate varies, files state other durations of frames than the times between them, and a
   * browser that trusts them shows a neighbour. The time that shows the frame is searched for.
   */
  private search(): boolean {
    const wanted = this.wanted as number;
    if (this.shown === wanted || this.playing || this.tries++ >= MOST_TRIES) return false;
    if (this.shown < wanted) this.low = this.target;
    else this.high = this.target;
    const missing = this.clock.startOf(wanted) - this.clock.startOf(this.shown);
    const between = this.low !== null && this.high !== null;
    this.goTo(between ? ((this.low as number) + (this.high as number)) / 2 : this.target + missing);
    return true;
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play(1);
  }

  pause(): void {
    clearInterval(this.reverse);
    this.reverse = undefined;
    this.stopAt = null;
    this.video.pause();
    this.stateChanged();
  }

  play(speed: number): void {
    clearInterval(this.reverse);
    this.reverse = undefined;
    this.video.playbackRate = speed;
    void this.video.play().catch(() => this.stateChanged());
  }

  /** Play an excerpt, and stop at its end. */
  playClip(startMs: number, endMs: number): void {
    this.seek(Math.max(0, startMs));
    this.play(1);
    this.stopAt = this.clock.frameAt(endMs);
  }

  /** Faster with each call, as with the key L. */
  forward(): void {
    const running = this.reverse === undefined && !this.video.paused;
    const faster = SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(this.speed) + 1)] ?? 1;
    this.play(running ? faster : 1);
  }

  /** Backwards, which browsers do not play: by seeking. Faster with each call. */
  backward(): void {
    const running = this.reverse !== undefined;
    const speed = running ? Math.min(8, this.reverseSpeed * 2) : 1;
    clearInterval(this.reverse);
    this.video.pause();
    this.reverseSpeed = speed;
    this.reverse = setInterval(() => {
      if (this.frame === 0) this.pause();
      else if (!this.video.seeking) this.skip(-REVERSE_STEP_MS * speed);
    }, REVERSE_STEP_MS);
    this.stateChanged();
  }

  private reverseSpeed = 1;
}
