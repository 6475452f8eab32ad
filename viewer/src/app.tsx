/** The page: which match is open, and what surrounds it. */

import { useEffect, useState } from "preact/hooks";
import type { Session } from "./api";
import { getSession } from "./api";
import { useMatch } from "./growing";
import { GrowingStrip } from "./growing-strip";
import type { Job } from "./jobs";
import { cancelJob, isOpen, startJob, useJobs } from "./jobs";
import { MatchView } from "./match-view";
import { SpotDialog } from "./spot-dialog";

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [number, setNumber] = useState(numberOf(location.hash));
  const [refused, setRefused] = useState("");
  /** File that the dialog begins with; empty for any, null while it is closed. */
  const [spotting, setSpotting] = useState<string | null>(null);
  const jobs = useJobs(session?.spotting ?? false);
  const { match, error: problem, reload } = useMatch(number, session !== null);
  const error = refused || problem;

  // Asked for again when a job ends: it may have added a match.
  const states = jobs.list.map((job) => job.state).join();
  useEffect(() => {
    getSession().then(setSession, (reason: Error) => setRefused(reason.message));
  }, [states]);

  useEffect(() => {
    const follow = () => setNumber(numberOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  const job = jobs.list.filter((each) => each.match === number).pop();
  const begun = job?.growing !== null && job?.state === "running";
  useEffect(() => {
    if (begun && match && match.growing?.state !== "running") reload();
  }, [begun, match === null]);

  const act = (work: Promise<Job>) => {
    work.then(jobs.refresh, (reason: Error) => setRefused(reason.message));
  };

  useEffect(() => {
    document.title = match ? `${match.name} – onball` : "onball";
  }, [match]);

  const chooser = session && (
    <div class="chooser">
      {session.matches.length > 1 ? (
        <select
          aria-label="Match"
          value={String(number)}
          onChange={(event) => {
            location.hash = `#${event.currentTarget.value}`;
          }}
        >
          {session.matches.map((each, index) => (
            <option value={String(index)} key={index}>
              {each.name}
              {each.decided ? ` (${each.decided} reviewed)` : ""}
            </option>
          ))}
        </select>
      ) : (
        <strong class="match-name">{session.matches[0]?.name}</strong>
      )}
      {session.spotting && (
        <button onClick={() => setSpotting("")}>
          Spot a video
          {jobs.list.some(isOpen) && <span class="number">{jobs.list.filter(isOpen).length}</span>}
        </button>
      )}
    </div>
  );

  const dialog = spotting !== null && (
    <SpotDialog
      jobs={jobs}
      file={spotting}
      close={() => setSpotting(null)}
      show={(wanted) => {
        location.hash = `#${wanted}`;
      }}
    />
  );
  if (match) {
    const banner = match.growing && (
      <GrowingStrip
        growing={match.growing}
        job={job}
        cancel={(each) => act(cancelJob(each.number))}
        again={(each) => act(startJob(each.video, each.model))}
      />
    );
    return (
      <>
        <MatchView
          key={number}
          match={match}
          number={number}
          chooser={chooser}
          banner={banner}
          spot={session?.spotting ? setSpotting : null}
        />
        {dialog}
      </>
    );
  }
  return (
    <>
      {dialog}
      <header>
        <h1>onball</h1>
        {chooser}
      </header>
      <main class="message" aria-busy={!error}>
        {error ? (
          <div class="problem-card" role="alert">
            <h2>{session ? "This match cannot be shown" : "The page cannot be loaded"}</h2>
            <p>{error}</p>
          </div>
        ) : (
          <p role="status">Loading the match …</p>
        )}
      </main>
    </>
  );
}

function numberOf(hash: string): number {
  const number = Number(hash.slice(1));
  return Number.isInteger(number) && number >= 0 ? number : 0;
}
