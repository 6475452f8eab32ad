/** A line about events that still come: how far the work is, when it ends, and what can be done. */

import { clock } from "./frames";
import type { Progress } from "./growing";
import type { Job } from "./jobs";

interface Props {
  growing: Progress;
  /** The job of a video that is spotted from the page. */
  job: Job | undefined;
  cancel(job: Job): void;
  again(job: Job): void;
}

export function GrowingStrip({ growing, job, cancel, again }: Props) {
  const running = growing.state === "running";
  const notice = growing.notices[growing.notices.length - 1];
  return (
    <section class={`strip ${growing.state}`} aria-label={TITLES[growing.kind]}>
      <b class="strip-title">
        {growing.kind === "live" && <i class="lamp" aria-hidden="true" />}
        {headOf(growing)}
      </b>
      {growing.kind === "spotting" && <span class="strip-what">{growing.title}</span>}
      {running && growing.total_ms !== null && growing.total_ms > 0 && (
        <progress aria-label="Progress" value={growing.done_ms} max={growing.total_ms} />
      )}
      <span class="strip-facts">
        {running && factsOf(growing).map((fact) => <span key={fact}>{fact}</span>)}
        {!running && <span>{growing.error || endOf(growing)}</span>}
        {notice && (
          <span>
            {clock(notice.time_ms, 0)} {notice.text}
          </span>
        )}
      </span>
      {job && running && <button onClick={() => cancel(job)}>Cancel</button>}
      {job && !running && growing.state !== "done" && (
        <button onClick={() => again(job)}>
          {growing.state === "cancelled" ? "Continue" : "Try again"}
        </button>
      )}
    </section>
  );
}

const TITLES = { spotting: "Video being spotted", live: "Live stream" };

function headOf({ kind, state }: Progress): string {
  if (kind === "live") return state === "running" ? "Live" : "Stream ended";
  return { running: "Spotting", done: "Spotted", failed: "Failed", cancelled: "Cancelled" }[state];
}

function endOf(growing: Progress): string {
  if (growing.kind === "live") return `${clock(growing.done_ms, 0)}, ${events(growing.count)}`;
  return `at ${clock(growing.done_ms, 0)}, ${events(growing.count)}; what was computed is kept`;
}

function factsOf(growing: Progress): string[] {
  const { kind, done_ms, total_ms, speed, left_s } = growing;
  if (kind === "live") return [clock(done_ms, 0), events(growing.count)];
  const facts = [total_ms ? `${Math.floor((100 * done_ms) / total_ms)} %` : clock(done_ms, 0)];
  facts.push(events(growing.count));
  if (speed !== null) facts.push(`${speed < 10 ? speed.toFixed(1) : Math.round(speed)} × real time`);
  if (left_s !== null) facts.push(`${duration(left_s)} left, until ${timeOfDay(left_s)}`);
  return facts;
}

const events = (count: number) => `${count} event${count === 1 ? "" : "s"}`;

/** A duration in seconds, in words: `45 s`, `12 min`, `1 h 05 min`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function timeOfDay(inSeconds: number): string {
  const end = new Date(Date.now() + 1000 * inSeconds);
  return end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
