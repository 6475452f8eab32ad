/** Frames as a browser presents them. */

/**
 * Call a function with the media time of each frame that is presented, in seconds.
 *
 * Firefox before version 132 does not report frames: there it is the time of playing at each drawing
 * of the page, which belongs to the same frame after a seek to the middle of one.
 *
 * @returns a function that ends it.
 */
export function onEachFrame(video: HTMLVideoElement, read: (mediaTime: number) => void): () => void {
  let open = true;
  if ("requestVideoFrameCallback" in video) {
    const take = (_: number, metadata: VideoFrameCallbackMetadata): void => {
      if (!open) return;
      read(metadata.mediaTime);
      if (open) video.requestVideoFrameCallback(take);
    };
    video.requestVideoFrameCallback(take);
  } else {
    const other: HTMLVideoElement = video;
    let last = -1;
    const look = (): void => {
      if (!open) return;
      if (!other.seeking && other.readyState >= 2 && other.currentTime !== last) {
        last = other.currentTime;
        read(last);
      }
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }
  return () => {
    open = false;
  };
}
