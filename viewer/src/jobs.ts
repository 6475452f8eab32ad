/** Videos that are spotted from the page: what may be chosen, and the jobs. */

import { useEffect, useRef, useState } from "preact/hooks";
import { request } from "./api";
import type { Progress } from "./growing";

export interface ListedVideo {
  key: string;
  name: string;
  size: number;
  spotted: boolean;
}

export interface ListedModel {
  key: string;
  title: string;
  about: string;
  /** Command that gets a model which is not on this machine; empty if it is. */
  command: string;
}

export interface Job {
  number: number;
  match: number;
  video: string;
  video_name: string;
  model: string;
  model_name: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  error: string;
  conflict: boolean;
  growing: Progress | null;
}

export interface Choices {
  videos: ListedVideo[];
  models: ListedModel[];
  results: string;
  jobs: Job[];
}

const POLL_MS = 1000;

export const getChoices = () => request<Choices>("/api/spotting");
const getJobs = () => request<Job[]>("/api/jobs");

const post = (path: string, body: unknown) =>
  request<Job>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

export const startJob = (video: string, model: string, overwrite = false) =>
  post("/api/jobs", { video, model, overwrite });
export const cancelJob = (job: number) => post(`/api/jobs/${job}/cancel`, {});

export const isOpen = (job: Job) => job.state === "waiting" || job.state === "running";

export interface Jobs {
  list: Job[];
  /** Ask at once, as after a change. */
  refresh(): void;
}

/** The jobs, which are asked for while one of them is open. */
export function useJobs(available: boolean): Jobs {
  const [list, setList] = useState<Job[]>([]);
  const [asked, setAsked] = useState(0);
  const timer = useRef<ReturnType<typeof setTimeout>>();

  useEffect(() => {
    if (!available) return undefined;
    let current = true;
    const ask = () =>
      getJobs().then(
        (found) => {
          if (!current) return;
          setList(found);
          if (found.some(isOpen)) timer.current = setTimeout(ask, POLL_MS);
        },
        () => {
          if (current) timer.current = setTimeout(ask, 3 * POLL_MS);
        },
      );
    void ask();
    return () => {
      current = false;
      clearTimeout(timer.current);
    };
  }, [available, asked]);

  return { list, refresh: () => setAsked((count) => count + 1) };
}
