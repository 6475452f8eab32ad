/** How far the review is, and how well the model's events agreed with it. */

import type { Agreement, Match } from "./api";
import type { Review } from "./model";
import { percent, titleOf } from "./names";

interface Props {
  match: Match;
  agreement: Agreement;
  review: Review;
  start(): void;
}

export function ReviewPanel({ match, agreement, review, start }: Props) {
  const left = review.total - review.decided;
  const decided = agreement.accepted + agreement.rejected;
  return (
    <div class="report">
      <h2>Review</h2>
      <progress
        aria-label={`${review.decided} of ${review.total} events reviewed`}
        value={review.decided}
        max={Math.max(1, review.total)}
      />
      <p>
        {review.decided} of {review.total} events at this confidence are reviewed, {left} are left.
      </p>
      {left > 0 && (
        <button class="primary" onClick={start}>
          Review, least certain first
        </button>
      )}
      {decided + agreement.added > 0 && (
        <>
          <h2>Agreement with the {match.corrects === "labels" ? "labels" : "model"}</h2>
          <dl class="figures">
            <Figure name="accepted" value={agreement.accepted} />
            <Figure name="of which moved" value={agreement.moved} />
            <Figure name="of which another action" value={agreement.relabelled} />
            <Figure name="rejected" value={agreement.rejected} />
            <Figure name="added" value={agreement.added} />
            {agreement.precision !== null && (
              <Figure name="right, of those reviewed" value={`${percent(agreement.precision)} %`} />
            )}
            {agreement.median_move_ms !== null && (
              <Figure
                name="moved by, median"
                value={`${(agreement.median_move_ms / 1000).toFixed(2)} s`}
              />
            )}
          </dl>
          <table>
            <thead>
              <tr>
                <th scope="col">Action</th>
                <th scope="col">accepted</th>
                <th scope="col">rejected</th>
                <th scope="col">added</th>
              </tr>
            </thead>
            <tbody>
              {Object.entries(agreement.per_action).map(([name, counts]) => (
                <tr key={name}>
                  <th scope="row">{titleOf(name)}</th>
                  {counts.map((each, index) => (
                    <td key={index}>{each || ""}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          {agreement.confusions.length > 0 && (
            <>
              <h3>Found as another action</h3>
              <ul>
                {agreement.confusions.map(([found, right, number]) => (
                  <li key={`${found} ${right}`}>
                    {titleOf(found)} was {titleOf(right)}: {number}
                  </li>
                ))}
              </ul>
            </>
          )}
        </>
      )}
      {match.corrections_file && (
        <p class="faint">
          Decisions are saved in <code>{match.corrections_file}</code> beside the events, which stay as they are.{" "}
          <code>onball corrections apply</code> makes labels of them.
        </p>
      )}
    </div>
  );
}

function Figure({ name, value }: { name: string; value: number | string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
