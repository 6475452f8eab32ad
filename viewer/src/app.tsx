/** The page: which match is open, and what surrounds it. */

import { useEffect, useState } from "preact/hooks";
import type { Match, Session } from "./api";
import { getMatch, getSession } from "./api";
import { MatchView } from "./match-view";

export function App() {
  const [session, setSession] = useState<Session | null>(null);
  const [number, setNumber] = useState(numberOf(location.hash));
  const [match, setMatch] = useState<Match | null>(null);
  const [error, setError] = useState("");

  useEffect(() => {
    getSession().then(setSession, (problem: Error) => setError(problem.message));
    const follow = () => setNumber(numberOf(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  useEffect(() => {
    if (!session) return undefined;
    let current = true;
    setMatch(null);
    setError("");
    getMatch(number).then(
      (found) => current && setMatch(found),
      (problem: Error) => current && setError(problem.message),
    );
    return () => {
      current = false;
    };
  }, [session, number]);

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
    </div>
  );

  if (match) return <MatchView key={number} match={match} number={number} chooser={chooser} />;
  return (
    <>
      <header>
        <h1>onball</h1>
        {chooser}
      </header>
      <main class="message" aria-busy={!error}>
        <p role={error ? "alert" : "status"}>{error || "Loading the match …"}</p>
      </main>
    </>
  );
}

function numberOf(hash: string): number {
  const number = Number(hash.slice(1));
  return Number.isInteger(number) && number >= 0 ? number : 0;
}
