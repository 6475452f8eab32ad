/** A video that is still being recorded: what is there is loaded again when more of it is wanted. */

import { videoUrl } from "./api";

/** Distance in seconds from the end of what is loaded at which more is wanted. */
const MARGIN_S = 0.2;

export class Recording {
  /** Bytes that the video element has loaded. */
  private loaded = 0;
  private available = 0;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly match: number,
  ) {
    video.addEventListener("ended", this.goOn);
  }

  close(): void {
    this.video.removeEventListener("ended", this.goOn);
  }

  /** State how many bytes can be loaded. The first ones are loaded at once. */
  grow(bytes: number): void {
    this.available = Math.max(this.available, bytes);
    if (!this.loaded) this.load();
  }

  /** Load more if a time in milliseconds is not in what is loaded. The caller seeks it then. */
  reach(ms: number): void {
    const end = this.video.duration;
    if (Number.isFinite(end) && ms / 1000 > end - MARGIN_S) this.load();
  }

  private load(): boolean {
    if (this.available <= this.loaded) return false;
    this.loaded = this.available;
    this.video.src = `${videoUrl(this.match, 0)}?until=${this.loaded}`;
    return true;
  }

  /** Continue where the loaded part ended, if there is more. */
  private readonly goOn = (): void => {
    const at = this.video.currentTime;
    const { playbackRate } = this.video;
    if (!this.load()) return;
    this.video.currentTime = at;
    this.video.playbackRate = playbackRate;
    void this.video.play().catch(() => undefined);
  };
}
