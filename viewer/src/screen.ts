/**
 * A video file with exact frames: a seek goes to the middle of a frame, so that one step is one frame.
 *
 * Frames are those of the file, from 0; `Player` places them in the match.
 */

import type { FrameClock } from "./frames";
import { onEachFrame } from "./presented";

/** Seeks for one frame, until the one that came is shown as it is. */
const MOST_TRIES = 9;
/** Time without another frame after which the last one is taken for that of the seek. */
const QUIET_MS = 60;
/** Time after a seek in which its frame is reported, if frames are: not in a tab in the background. */
const LATEST_FRAME_MS = 1500;
/** Time in which the first frame is presented once there are data. */
const FIRST_FRAME_MS = 500;
/** Time after which a seek that does not end, as without a connection, gives way to the next one. */
const LONGEST_SEEK_MS = 1000;

export interface ScreenHost {
  /** Called when a frame is presented, or a seek has ended. */
  presented(screen: Screen): void;
  /** Called when it begins or ceases to play, or how it plays changes. */
  stateChanged(): void;
  ended(screen: Screen): void;
  /** True while frames follow each other, so that a wrong one is not worth a search. */
  playing(): boolean;
}

const CHANGES = ["play", "pause", "ratechange", "volumechange", "ended"];

export class Screen {
  /** Media time of the first frame in seconds; not 0 in every file. Null before it is known. */
  private origin: number | null = null;
  private shown = 0;
  private wanted: number | null = null;
  /** Time to go to, the one that was sought last, and when. */
  private target = 0;
  private sought = 0;
  private soughtAt = -Infinity;
  /** True if a frame was presented since the last seek began. */
  private fresh = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Bounds of the search for the wanted frame. */
  private low: number | null = null;
  private high: number | null = null;
  private tries = 0;
  private unreachable: number | null = null;
  private closed = false;
  private readonly stopFrames: () => void;
  /** Called with a time in milliseconds before it is sought. */
  reach: (ms: number) => void = () => undefined;

  constructor(
    readonly video: HTMLVideoElement,
    readonly clock: FrameClock,
    private readonly host: ScreenHost,
  ) {
    this.stopFrames = onEachFrame(video, this.onFrame);
    video.addEventListener("seeked", this.onSeeked);
    video.addEventListener("loadeddata", this.onData);
    video.addEventListener("ended", this.onEnded);
    for (const name of CHANGES) video.addEventListener(name, this.host.stateChanged);
  }

  close(): void {
    this.closed = true;
    this.stopFrames();
    clearTimeout(this.timer);
    this.video.pause();
    this.video.removeEventListener("seeked", this.onSeeked);
    this.video.removeEventListener("loadeddata", this.onData);
    this.video.removeEventListener("ended", this.onEnded);
    for (const name of CHANGES) this.video.removeEventListener(name, this.host.stateChanged);
  }

  /** The frame that is shown, or that a seek under way will show. */
  get frame(): number {
    return this.wanted ?? this.shown;
  }

  /** The frame that is on the screen, also while another one is sought. */
  get shownFrame(): number {
    return this.shown;
  }

  /** True while a frame is sought. */
  get seeking(): boolean {
    return this.wanted !== null;
  }

  /** The frame from which steps are counted: one that this browser cannot seek to is stepped over. */
  get position(): number {
    return this.wanted ?? this.unreachable ?? this.shown;
  }

  /** Show a frame. */
  show(frame: number): void {
    const target = Math.max(0, Math.min(this.clock.count - 1, frame));
    this.wanted = target;
    this.tries = 0;
    this.low = this.high = null;
    this.reach(this.clock.startOf(target));
    this.goTo(this.clock.middleOf(target));
  }

  private readonly onFrame = (mediaTime: number): void => {
    if (this.closed) return;
    if (this.origin === null) {
      // The first frame is presented before anything is sought.
      this.begin(this.video.currentTime < 0.001 ? mediaTime : 0);
    }
    this.shown = this.clock.frameAt((mediaTime - (this.origin ?? 0)) * 1000);
    this.fresh = true;
    if (this.atTarget()) {
      if (this.shown === this.wanted || this.host.playing()) this.settle();
      else this.judgeAfter(QUIET_MS);
    }
    this.host.presented(this);
  };

  /** If no first frame is presented, as in a tab in the background, do without it. */
  private readonly onData = (): void => {
    if (this.origin !== null || this.wanted === null || this.video.readyState < 2) return;
    setTimeout(() => {
      if (this.origin === null && !this.closed) this.begin(0);
    }, FIRST_FRAME_MS);
  };

  private begin(origin: number): void {
    this.origin = origin;
    if (this.wanted !== null) this.goTo(this.clock.middleOf(this.wanted));
  }

  private readonly onEnded = (): void => this.host.ended(this);

  /** True if a frame is wanted and the seek for it has ended. */
  private atTarget(): boolean {
    return this.wanted !== null && !this.video.seeking && this.sought === this.target;
  }

  private readonly onSeeked = (): void => {
    if (this.closed) return;
    if (this.wanted === null) this.host.presented(this);
    else if (this.sought !== this.target) this.seek();
    else this.judgeAfter(QUIET_MS);
  };

  private judgeAfter(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.judge, ms);
  }

  /**
   * Judge a seek by the frame on the screen.
   *
   * A frame is reported before or after its seek ends, on a busy machine much later. Until then the
   * one that was shown before says nothing about the seek.
   */
  private readonly judge = (): void => {
    if (this.closed || !this.atTarget()) return;
    if (this.shown !== this.wanted && !this.fresh && !this.host.playing()) {
      const left = this.soughtAt + LATEST_FRAME_MS - performance.now();
      if (left > 0) {
        this.judgeAfter(left);
        return;
      }
      this.shown = this.wanted as number;
    }
    if (this.search()) return;
    this.settle();
    this.host.presented(this);
  };

  /** End the seek for a frame, whether this one has come or no other way is left. */
  private settle(): void {
    clearTimeout(this.timer);
    const reached = this.shown === this.wanted || this.host.playing();
    this.unreachable = reached ? null : this.wanted;
    this.wanted = null;
  }

  /** Go to a time: at once, or when the seek under way has ended, so that frames belong to one. */
  private goTo(ms: number): void {
    this.target = ms;
    if (this.origin === null) {
      this.onData();
      return;
    }
    const left = this.soughtAt + LONGEST_SEEK_MS - performance.now();
    clearTimeout(this.timer);
    if (!this.video.seeking || left <= 0) this.seek();
    else this.timer = setTimeout(() => this.seek(), left);
  }

  private seek(): void {
    clearTimeout(this.timer);
    this.sought = this.target;
    this.soughtAt = performance.now();
    this.fresh = false;
    this.video.currentTime = (this.origin ?? 0) + this.target / 1000;
  }

  /**
   * Seek again if another frame came than the wanted one; false if nothing is left to do.
   *
   * Where the rate varies, files state other durations of frames than the times between them, and a
   * browser that trusts them shows a neighbour. The time that shows the frame is searched for.
   */
  private search(): boolean {
    const wanted = this.wanted as number;
    if (this.shown === wanted || this.host.playing() || this.tries++ >= MOST_TRIES) return false;
    if (this.tries === 1) {
      // The frame may still be that of the seek before: the second one for the same frame is certain.
      const [start, middle] = [this.clock.startOf(wanted), this.clock.middleOf(wanted)];
      this.goTo(middle - (middle - start) / 4);
      return true;
    }
    if (this.shown < wanted) this.low = this.target;
    else this.high = this.target;
    const missing = this.clock.startOf(wanted) - this.clock.startOf(this.shown);
    const between = this.low !== null && this.high !== null;
    this.goTo(between ? ((this.low as number) + (this.high as number)) / 2 : this.target + missing);
    return true;
  }
}
