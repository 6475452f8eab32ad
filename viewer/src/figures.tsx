/** Precision and recall, and average precision of each action, at the chosen tolerance. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Comparison, Match } from "./api";
import type { Counts, Threshold } from "./model";
import { percent, titleOf } from "./names";

interface Props {
  match: Match;
  comparison: Comparison;
  counts: Counts;
  threshold: Threshold;
}

export function FiguresPanel({ match, comparison, counts, threshold }: Props) {
  const [chosen, setChosen] = useState("");
  const rows = match.classes.filter((each) => (comparison.labels[each.name] ?? 0) > 0);
  const without = match.classes.length - rows.length;
  return (
    <div class="report">
      <h2>Precision over recall</h2>
      <Curve
        curve={comparison.curves[chosen] ?? [[], [], []]}
        point={chosen === "" ? counts : null}
        name={chosen === "" ? "all actions" : titleOf(chosen)}
      />
      <p class="faint">
        {chosen === "" ? "All actions" : titleOf(chosen)}, within ±{comparison.tolerance_s / 2} s of
        the label.{" "}
        {chosen === "" &&
          `The point is the ${threshold === null ? "model’s" : "chosen"} confidence, F1 ${percent(counts.f1)}.`}
      </p>
      <h2>Average precision</h2>
      <table class="choosable">
        <thead>
          <tr>
            <th scope="col">Action</th>
            <th scope="col">labels</th>
            <th scope="col">AP</th>
          </tr>
        </thead>
        <tbody>
          <tr class={chosen === "" ? "on" : ""}>
            <th scope="row">
              <button onClick={() => setChosen("")}>All</button>
            </th>
            <td>{Object.values(comparison.labels).reduce((a, b) => a + b, 0)}</td>
            <td>{percent(Object.values(comparison.means)[0])}</td>
          </tr>
          {rows.map((each) => (
            <tr key={each.name} class={chosen === each.name ? "on" : ""}>
              <th scope="row">
                <button onClick={() => setChosen(each.name)}>
                  <i style={{ background: each.colour }} />
                  {titleOf(each.name)}
                </button>
              </th>
              <td>{comparison.labels[each.name]}</td>
              <td>{percent(comparison.ap[each.name])}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {without > 0 && (
        <p class="faint">
          {without} {without === 1 ? "action has" : "actions have"} no labels in this match; the means
          count them as 0, as SoccerNet does.
        </p>
      )}
    </div>
  );
}

interface CurveProps {
  curve: [number[], number[], number[]];
  point: Counts | null;
  name: string;
}

function Curve({ curve, point, name }: CurveProps) {
  const place = useRef<HTMLDivElement>(null);
  const [dark, setDark] = useState(matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const read = () => setDark(query.matches);
    query.addEventListener("change", read);
    return () => query.removeEventListener("change", read);
  }, []);
  const data = useMemo(() => merged(curve, point), [curve, point]);
  useEffect(() => {
    if (!place.current) return undefined;
    const style = getComputedStyle(document.documentElement);
    const colour = (variable: string) => style.getPropertyValue(`--${variable}`).trim();
    const axis = {
      stroke: colour("faint"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
      values: (_: uPlot, values: number[]) => values.map((value) => `${Math.round(value * 100)}`),
    };
    const plot = new uPlot(
      {
        width: place.current.clientWidth,
        height: 220,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false, range: [0, 1] }, y: { range: [0, 1.02] } },
        axes: [
          { ...axis, label: "recall", labelFont: axis.font, labelSize: 16, size: 26 },
          { ...axis, label: "precision", labelFont: axis.font, labelSize: 16, size: 34 },
        ],
        series: [
          {},
          { stroke: colour("accent"), width: 2, spanGaps: true, points: { show: false } },
          {
            stroke: colour("wrong"),
            paths: () => null,
            points: { show: true, size: 10, fill: colour("wrong") },
          },
        ],
      },
      data,
      place.current,
    );
    return () => plot.destroy();
  }, [data, dark]);
  return <div ref={place} class="curve" role="img" aria-label={`Precision over recall, ${name}`} />;
}

/** Columns for uPlot: ascending recall, the curve, and the point of the chosen confidence. */
function merged(
  [, precision, recall]: [number[], number[], number[]],
  point: Counts | null,
): uPlot.AlignedData {
  const rows: [number, number | null, number | null][] = recall.map((each, index) => [
    each,
    precision[index] ?? null,
    null,
  ]);
  if (point?.precision != null && point.recall != null) {
    rows.push([point.recall, null, point.precision]);
  }
  rows.sort((a, b) => a[0] - b[0]);
  return [rows.map((r) => r[0]), rows.map((r) => r[1]), rows.map((r) => r[2])];
}
