/** The choice of a video and a model to spot it with, and the jobs. */

import { useEffect, useRef, useState } from "preact/hooks";
import { clock } from "./frames";
import type { Choices, Job, Jobs, ListedModel, ListedVideo } from "./jobs";
import { cancelJob, getChoices, isOpen, startJob } from "./jobs";

interface Props {
  jobs: Jobs;
  /** Name of the video file to begin with; empty for any. */
  file: string;
  close(): void;
  show(match: number): void;
}

export function SpotDialog({ jobs, file, close, show }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [choices, setChoices] = useState<Choices | null>(null);
  const [error, setError] = useState("");
  const [wanted, setWanted] = useState("");
  const [video, setVideo] = useState<string | null>(null);
  const [model, setModel] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const done = jobs.list.filter((job) => !isOpen(job)).length;
  useEffect(() => {
    getChoices().then(
      (found) => {
        setChoices(found);
        const fresh = found.videos.filter((each) => !each.spotted);
        const named = fresh.filter((each) => file && `/${each.name}`.endsWith(`/${file}`));
        const first = (named.length === 1 ? named[0] : fresh[0]) ?? found.videos[0];
        setVideo((former) => former ?? first?.key ?? null);
        setModel((former) => former ?? found.models.find((each) => !each.command)?.key ?? null);
      },
      (problem: Error) => setError(problem.message),
    );
  }, [done]);

  const act = (work: Promise<Job>, after: (job: Job) => void) => {
    setBusy(true);
    setError("");
    work
      .then(
        (job) => {
          jobs.refresh();
          after(job);
        },
        (problem: Error) => setError(problem.message),
      )
      .finally(() => setBusy(false));
  };
  const start = (overwrite = false, of: { video: string; model: string } | null = null) => {
    const chosen = of ?? (video !== null && model !== null ? { video, model } : null);
    if (!chosen) return;
    act(startJob(chosen.video, chosen.model, overwrite), (job) => {
      const alone = !jobs.list.some(isOpen);
      if (alone) {
        show(job.match);
        close();
      }
    });
  };

  const videos = choices?.videos ?? [];
  const needle = wanted.trim().toLowerCase();
  const found = videos.filter((each) => each.name.toLowerCase().includes(needle));
  const chosen = choices?.models.find((each) => each.key === model) ?? null;
  const command = chosen?.command ?? "";
  return (
    <dialog
      ref={dialog}
      class="help spot"
      aria-labelledby="spot-title"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div class="help-head">
        <h2 id="spot-title">Spot a video</h2>
        <button class="quiet" onClick={close}>
          Close
        </button>
      </div>
      {error && (
        <p class="alert" role="alert">
          {error}
        </p>
      )}
      {!choices && !error && <p role="status">Looking for videos and models …</p>}
      {choices && (
        <form
          class="spot-form"
          onSubmit={(event) => {
            event.preventDefault();
            start();
          }}
        >
          <fieldset>
            <legend>Video</legend>
            {videos.length > 8 && (
              <input
                type="search"
                aria-label="Filter the videos by name"
                placeholder="Filter by name"
                value={wanted}
                onInput={(event) => setWanted(event.currentTarget.value)}
              />
            )}
            <VideoList videos={found} chosen={video} choose={setVideo} none={videos.length === 0} />
          </fieldset>
          <fieldset>
            <legend>Model</legend>
            <ModelChoice models={choices.models} chosen={model} choose={setModel} />
            {command && (
              <p class="hint" id="spot-command">
                It is not on this machine yet. In a terminal: <code>{command}</code>
              </p>
            )}
          </fieldset>
          <div class="spot-end">
            <button
              class="primary"
              type="submit"
              disabled={busy || video === null || model === null || command !== ""}
              aria-describedby={command ? "spot-command" : "spot-place"}
            >
              {jobs.list.some(isOpen) ? "Add to the queue" : "Start"}
            </button>
            <span class="faint" id="spot-place">
              Results are written into {choices.results}, like those of onball spot.
            </span>
          </div>
        </form>
      )}
      <JobList
        jobs={jobs.list}
        busy={busy}
        show={(job) => {
          show(job.match);
          close();
        }}
        cancel={(job) => act(cancelJob(job.number), () => undefined)}
        again={(job, overwrite) => start(overwrite, job)}
      />
    </dialog>
  );
}

interface VideoListProps {
  videos: ListedVideo[];
  chosen: string | null;
  choose(key: string): void;
  none: boolean;
}

function VideoList({ videos, chosen, choose, none }: VideoListProps) {
  if (!videos.length) {
    return (
      <p class="faint">
        {none ? "There is no video in the folders that were named." : "No name fits."}
      </p>
    );
  }
  return (
    <div class="choose" tabIndex={-1}>
      {videos.map((each) => (
        <label key={each.key}>
          <input
            type="radio"
            name="video"
            value={each.key}
            checked={each.key === chosen}
            onChange={() => choose(each.key)}
          />
          <span class="choose-name">{each.name}</span>
          <span class="faint">
            {each.spotted ? "has results · " : ""}
            {size(each.size)}
          </span>
        </label>
      ))}
    </div>
  );
}

interface ModelChoiceProps {
  models: ListedModel[];
  chosen: string | null;
  choose(key: string): void;
}

function ModelChoice({ models, chosen, choose }: ModelChoiceProps) {
  const here = models.filter((each) => !each.command);
  const others = models.filter((each) => each.command);
  const option = (each: ListedModel) => (
    <option value={each.key} key={each.key}>
      {each.title}
    </option>
  );
  const about = models.find((each) => each.key === chosen)?.about;
  return (
    <>
      <select
        aria-label="Model"
        value={chosen ?? ""}
        onChange={(event) => choose(event.currentTarget.value)}
      >
        <optgroup label="On this machine">{here.map(option)}</optgroup>
        {others.length > 0 && <optgroup label="To be downloaded">{others.map(option)}</optgroup>}
      </select>
      {about && <p class="faint">{about}</p>}
    </>
  );
}

interface JobListProps {
  jobs: Job[];
  busy: boolean;
  show(job: Job): void;
  cancel(job: Job): void;
  again(job: Job, overwrite: boolean): void;
}

function JobList({ jobs, busy, show, cancel, again }: JobListProps) {
  // Of several jobs of a video, the last one states what became of it.
  const latest = [...new Map(jobs.map((job) => [job.video, job])).values()];
  latest.sort((a, b) => b.number - a.number);
  if (!jobs.length) return null;
  return (
    <section class="jobs" aria-label="Queue">
      <h3>Queue</h3>
      <ul>
        {latest.map((job) => (
          <li key={job.number} class={job.state}>
            <span class="job-what">
              <button class="quiet" onClick={() => show(job)}>
                {job.video_name}
              </button>
              <span class="faint">{job.model_name}</span>
            </span>
            <span class="job-state">{stateOf(job)}</span>
            {isOpen(job) && (
              <button disabled={busy} onClick={() => cancel(job)}>
                Cancel
              </button>
            )}
            {(job.state === "failed" || job.state === "cancelled") && (
              <button disabled={busy} onClick={() => again(job, job.conflict)}>
                {job.conflict ? "Replace" : job.state === "cancelled" ? "Continue" : "Try again"}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function stateOf(job: Job): string {
  const { growing } = job;
  switch (job.state) {
    case "waiting":
      return "waiting";
    case "running":
      if (!growing) return "loading the model …";
      return growing.total_ms
        ? `${Math.floor((100 * growing.done_ms) / growing.total_ms)} %`
        : clock(growing.done_ms, 0);
    case "done":
      return "done";
    case "cancelled":
      return "cancelled; what was computed is kept";
    case "failed":
      return job.error;
  }
}

function size(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  return `${Math.max(0.1, bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
