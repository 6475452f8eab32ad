/** Buttons below the video, and the time of the frame that is shown. */

import { useEffect, useRef } from "preact/hooks";
import { clock } from "./frames";
import { IconButton } from "./icons";
import type { Player } from "./player";

interface Props {
  player: Player | null;
  usable: boolean;
  duration: number;
  readers: Set<(ms: number, frame: number) => void>;
  time: number;
  frame: number;
  step(frames: number): void;
  /** Null without tracks. */
  boxes: boolean | null;
  setBoxes(on: boolean): void;
}

export function Transport({ player, usable, duration, readers, time, frame, step, ...rest }: Props) {
  const text = useRef<HTMLElement>(null);
  const number = useRef<HTMLElement>(null);
  useEffect(() => {
    // Written at once, and not by another rendering for every frame.
    const read = (ms: number, index: number) => {
      if (text.current) text.current.textContent = clock(ms);
      if (number.current) number.current.textContent = `frame ${index}`;
    };
    readers.add(read);
    return () => void readers.delete(read);
  }, [readers]);
  const playing = player?.playing ?? false;
  return (
    <div class="transport">
      {usable && (
        <>
          <IconButton icon="back" label="One frame back" keys="←" onClick={() => step(-1)} disabled={!player} />
          <IconButton
            icon={playing ? "pause" : "play"}
            label={playing ? "Pause" : "Play"}
            keys="Space"
            class="primary"
            onClick={() => player?.toggle()}
            disabled={!player}
          />
          <IconButton icon="forward" label="One frame on" keys="→" onClick={() => step(1)} disabled={!player} />
        </>
      )}
      <output class="time" aria-label="Time" data-testid="time">
        <b ref={text}>{clock(time)}</b> <span class="faint">/ {clock(duration, 0)}</span>{" "}
        <span class="number" ref={number} data-testid="frame">
          frame {frame}
        </span>
      </output>
      {player && (
        <span class="end">
          {rest.boxes !== null && (
            <IconButton
              icon="boxes"
              label="Players and ball"
              keys="B"
              pressed={rest.boxes}
              onClick={() => rest.setBoxes(!rest.boxes)}
            />
          )}
          <label class="speed">
            <span class="visually-hidden">Speed</span>
            <select
              value={String(player.speed)}
              onChange={(event) => {
                player.speed = Number(event.currentTarget.value);
              }}
            >
              {[0.25, 0.5, 1, 2, 4, 8].map((speed) => (
                <option key={speed} value={String(speed)}>
                  {speed} ×
                </option>
              ))}
            </select>
          </label>
          <IconButton
            icon={player.muted ? "mute" : "sound"}
            label={player.muted ? "Sound on" : "Sound off"}
            onClick={() => {
              player.muted = !player.muted;
            }}
          />
        </span>
      )}
    </div>
  );
}
