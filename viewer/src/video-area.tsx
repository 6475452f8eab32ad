/** The video, or what stands in its place: a copy that is being made, or the reason that there is none. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Match, Proxy } from "./api";
import { getProxy, makeProxy, videoUrl } from "./api";
import { Recording } from "./recording";
import type { MatchClock } from "./frames";

const POLL_MS = 700;

interface Props {
  match: Match;
  number: number;
  /** Null until the times of its frames are known. */
  clock: MatchClock | null;
  /** The file that is shown. */
  file: number;
  ready(videos: HTMLVideoElement[] | null, recording: Recording | null): void;
  toggle(): void;
  /** Drawn over the video. */
  overlay: ComponentChildren;
}

export function VideoArea({ match, number, clock, file, ready, toggle, overlay }: Props) {
  const { video } = match;
  const elements = useRef<(HTMLVideoElement | null)[]>([]);
  const [proxy, setProxy] = useState<Proxy | null>(null);
  const [broken, setBroken] = useState("");
  const recording = useRef<Recording | null>(null);
  const footage = video === null || video.error !== undefined ? null : video;
  const recorded = footage?.recorded ?? null;
  const unplayable = footage?.files.filter((each) => !each.playable) ?? [];
  const playable = footage !== null && (!unplayable.length || proxy?.state === "ready");

  useEffect(() => {
    if (!unplayable.length) return undefined;
    let timer: ReturnType<typeof setTimeout>;
    const poll = () =>
      getProxy(number).then(
        (state) => {
          setProxy(state);
          if (state.state === "running") timer = setTimeout(poll, POLL_MS);
        },
        (error: Error) => setProxy({ state: "failed", fraction: 0, error: error.message }),
      );
    void poll();
    return () => clearTimeout(timer);
  }, [video, number, proxy?.state === "running"]);

  useEffect(() => {
    if (!playable || !clock) return undefined;
    const videos = elements.current.filter((each) => each !== null).slice(0, clock.files.length);
    const [first] = videos;
    if (!first) return undefined;
    recording.current = recorded === null ? null : new Recording(first, number);
    recording.current?.grow(recorded ?? 0);
    ready(videos, recording.current);
    return () => {
      recording.current?.close();
      ready(null, null);
    };
  }, [playable, clock]);
  useEffect(() => recording.current?.grow(match.growing?.recorded ?? 0), [match.growing]);

  if (!video) {
    return (
      <div class="screen none">
        <p>This match has no video.</p>
        <p class="faint">
          To see it, name the video too: <code>onball view VIDEO RESULTS</code>
        </p>
      </div>
    );
  }
  if (!footage) return <div class="screen none">{video.error}</div>;
  if (!playable) {
    return (
      <div class="screen">
        {proxy?.state === "running" ? (
          <>
            <p>Making a copy that browsers can play …</p>
            <progress aria-label="Copy" value={proxy.fraction} max={1} />
            <p class="faint">{Math.round(proxy.fraction * 100)} %. It is made once.</p>
          </>
        ) : (
          <>
            <p>
              Browsers cannot play{" "}
              {unplayable.map((each) => `${each.file} (${each.codec})`).join(" and ")}.
            </p>
            {proxy?.state === "failed" && <p role="alert">{proxy.error}</p>}
            <button
              class="primary"
              onClick={() => void makeProxy(number).then(setProxy, (e: Error) => setBroken(e.message))}
            >
              Make a copy that plays
            </button>
            <p class="faint">It has the same frames and the sound, and is kept in the cache.</p>
            {broken && <p role="alert">{broken}</p>}
          </>
        )}
      </div>
    );
  }
  return (
    <div class="screen">
      {/* The sound of a match is its own; there are no captions of it. */}
      {footage.files.map((each, index) => (
        <video
          key={index}
          ref={(element) => {
            elements.current[index] = element;
          }}
          src={recorded === null ? videoUrl(number, index) : undefined}
          // The next file is there before it is needed.
          preload={Math.abs(index - file) <= 1 ? "auto" : "metadata"}
          playsInline
          class={index === file ? "" : "off"}
          aria-hidden={index !== file}
          aria-label={`Video of ${match.name}`}
          style={{ aspectRatio: `${each.width} / ${each.height}` }}
          onError={() => setBroken(`This browser cannot play ${each.file}.`)}
          onClick={toggle}
        />
      ))}
      {overlay}
      {broken && (
        <p class="over" role="alert">
          {broken}
        </p>
      )}
    </div>
  );
}
