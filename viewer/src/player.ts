/** Playing a match, which may be in several files: frames are counted through all of them. */

import type { MatchClock } from "./frames";
import { Screen } from "./screen";

const SPEEDS = [1, 2, 4, 8];
const REVERSE_STEP_MS = 80;
/** Time before the end of a file at which the next one is made ready. */
const AHEAD_MS = 3000;

export interface PlayerHost {
  /** Called with the time in milliseconds and the index of each frame that is presented. */
  presented(ms: number, frame: number, playing: boolean): void;
  stateChanged(): void;
  /** Called with the index of the file that is shown from now on. */
  switched(file: number): void;
}

export class Player {
  private readonly screens: Screen[];
  private current = 0;
  /** True from the command to play until that to pause: a seek may end a file too. */
  private going = false;
  private stopAt: number | null = null;
  private reverse: ReturnType<typeof setInterval> | undefined;
  private reverseSpeed = 1;

  constructor(
    videos: HTMLVideoElement[],
    private readonly clock: MatchClock,
    private readonly host: PlayerHost,
  ) {
    this.screens = videos.map(
      (video, file) =>
        new Screen(video, clock.files[file]!.clock, {
          presented: (screen) => this.onPresented(screen),
          stateChanged: () => host.stateChanged(),
          ended: (screen) => this.onEnded(screen),
          playing: () => this.playing,
        }),
    );
    host.switched(0);
  }

  close(): void {
    clearInterval(this.reverse);
    for (const screen of this.screens) screen.close();
  }

  private get screen(): Screen {
    return this.screens[this.current] as Screen;
  }

  private get next(): Screen | undefined {
    return this.screens[this.current + 1];
  }

  /** Called with a time in milliseconds of the first file before it is sought. */
  set reach(reach: (ms: number) => void) {
    (this.screens[0] as Screen).reach = reach;
  }

  get playing(): boolean {
    return !this.screen.video.paused || this.reverse !== undefined;
  }

  /** The frame that is shown, or that a seek under way will show. */
  get frame(): number {
    return this.clock.firstOf(this.current) + this.screen.frame;
  }

  /** The frame of the file that is on the screen, also while another one is sought. */
  get shownFrame(): number {
    return this.screen.shownFrame;
  }

  get speed(): number {
    return this.screen.video.playbackRate;
  }

  set speed(speed: number) {
    for (const { video } of this.screens) video.playbackRate = speed;
  }

  get muted(): boolean {
    return this.screen.video.muted;
  }

  set muted(muted: boolean) {
    for (const { video } of this.screens) video.muted = muted;
  }

  private onPresented(screen: Screen): void {
    if (screen !== this.screen) return;
    const first = this.clock.firstOf(this.current);
    const played = screen.seeking ? -1 : first + screen.shownFrame;
    if (this.stopAt !== null && played >= this.stopAt) this.pause();
    if (this.playing) this.prepareNext();
    this.host.presented(this.clock.startOf(this.frame), this.frame, this.playing);
  }

  /** Show the first frame of the next file, which nobody sees yet, so that it plays without a pause. */
  private prepareNext(): void {
    const { next, screen } = this;
    const left = screen.clock.startOf(screen.clock.count) - screen.clock.startOf(screen.frame);
    if (next && next.frame !== 0 && left < AHEAD_MS) next.show(0);
  }

  /** Go on in the next file. */
  private onEnded(screen: Screen): void {
    if (screen !== this.screen || !this.going) return;
    if (!this.next) {
      this.going = false;
      return;
    }
    const { speed } = this;
    this.show(this.clock.firstOf(this.current + 1));
    this.resume(speed);
  }

  private switchTo(file: number): void {
    if (file === this.current) return;
    this.screen.video.pause();
    this.current = file;
    this.host.switched(file);
  }

  /** Show the frame of a time in milliseconds. */
  seek(ms: number): void {
    this.stopAt = null;
    this.show(this.clock.frameAt(ms));
  }

  step(frames: number): void {
    this.pause();
    this.show(this.clock.firstOf(this.current) + this.screen.position + frames);
  }

  skip(ms: number): void {
    this.show(this.clock.frameAt(this.clock.startOf(this.frame) + ms));
  }

  private show(frame: number): void {
    const target = Math.max(0, Math.min(this.clock.count - 1, frame));
    const [file, own] = this.clock.locate(target);
    const other = file !== this.current;
    const goesOn = other && !this.screen.video.paused;
    this.switchTo(file);
    // A file that waits at its first frame plays at once.
    if (!other || own !== 0 || this.screen.position !== 0) this.screen.show(own);
    if (goesOn) this.resume(this.speed);
    this.host.presented(this.clock.startOf(target), target, this.playing);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play(1);
  }

  pause(): void {
    clearInterval(this.reverse);
    this.reverse = undefined;
    this.stopAt = null;
    this.going = false;
    this.screen.video.pause();
    this.host.stateChanged();
  }

  play(speed: number): void {
    clearInterval(this.reverse);
    this.reverse = undefined;
    // Browsers begin a file again that has ended; here that is the match.
    if (this.screen.video.ended && !this.next) this.show(0);
    this.resume(speed);
  }

  private resume(speed: number): void {
    this.speed = speed;
    this.going = true;
    void this.screen.video.play().catch(() => this.host.stateChanged());
  }

  /** Play an excerpt, and stop at its end. */
  playClip(startMs: number, endMs: number): void {
    this.seek(Math.max(0, startMs));
    this.play(1);
    this.stopAt = this.clock.frameAt(endMs);
  }

  /** Faster with each call, as with the key L. */
  forward(): void {
    const running = this.reverse === undefined && !this.screen.video.paused;
    const faster = SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(this.speed) + 1)] ?? 1;
    this.play(running ? faster : 1);
  }

  /** Backwards, which browsers do not play: by seeking. Faster with each call. */
  backward(): void {
    const running = this.reverse !== undefined;
    const speed = running ? Math.min(8, this.reverseSpeed * 2) : 1;
    clearInterval(this.reverse);
    this.going = false;
    this.screen.video.pause();
    this.reverseSpeed = speed;
    this.reverse = setInterval(() => {
      if (this.frame === 0) this.pause();
      else if (!this.screen.video.seeking) this.skip(-REVERSE_STEP_MS * speed);
    }, REVERSE_STEP_MS);
    this.host.stateChanged();
  }
}
