/** Dialog to export events as files of other programs, and to cut clips. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Clips, Match } from "./api";
import { cancelClips, cutClips, exportEvents, getClips } from "./api";
import type { ActionFields, Fields } from "./export-settings";
import { problemOf, settingsOf } from "./export-settings";
import { footageOf } from "./footage";
import { clock } from "./frames";
import type { Threshold } from "./model";
import { titleOf } from "./names";

const FORMATS: [string, string][] = [
  ["csv", "Table (CSV)"],
  ["xlsx", "Workbook (Excel)"],
  ["sportscode", "Sportscode, Nacsport (XML)"],
  ["srt", "Subtitles (SRT)"],
  ["vtt", "Subtitles (WebVTT)"],
  ["edl", "DaVinci Resolve (EDL)"],
  ["fcpxml", "Final Cut Pro (FCPXML)"],
  ["otio", "OpenTimelineIO"],
  ["llc", "LosslessCut"],
  ["chapters", "YouTube chapters"],
  ["soccernet", "SoccerNet (JSON)"],
  ["osl", "OSL (JSON)"],
  ["label-studio", "Label Studio"],
  ["fiftyone", "FiftyOne"],
  ["kloppy", "kloppy (XML)"],
];
const NEEDS_VIDEO = ["edl", "fcpxml", "otio", "label-studio"];
const POLL_MS = 700;

interface Props {
  match: Match;
  number: number;
  threshold: Threshold;
  hidden: ReadonlySet<number>;
  close(): void;
}

export function ExportDialog({ match, number, threshold, hidden, close }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [formats, setFormats] = useState<string[]>(["csv"]);
  const [fields, setFields] = useState(() => initialFields(match, threshold, hidden));
  const [markers, setMarkers] = useState(true);
  const [said, say] = useState<[string, boolean]>(["", false]);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const settings = settingsOf(fields);
  const files = footageOf(match)?.files.length ?? 0;
  const set = (change: Partial<Fields>) => setFields({ ...fields, ...change });

  async function download(): Promise<void> {
    if (!settings) return;
    say(["", false]);
    try {
      const [file, name] = await exportEvents(number, {
        ...settings,
        formats,
        period_markers: markers,
      });
      save(file, name);
      say([`${name} is downloaded.`, false]);
    } catch (error) {
      say([(error as Error).message, true]);
    }
  }

  return (
    <dialog
      ref={dialog}
      class="help export"
      aria-labelledby="export-title"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div class="help-head">
        <h2 id="export-title">Export</h2>
        <button class="quiet" onClick={close}>
          Close
        </button>
      </div>
      <fieldset>
        <legend>Events</legend>
        <p class="faint">
          With your corrections: rejected events are left out, accepted and added ones always in.
        </p>
        <div class="settings">
          {match.corrects === "predictions" && (
            <Field
              label="Confidence from"
              kind="threshold"
              value={fields.threshold}
              hint="model’s"
              set={(value) => set({ threshold: value })}
            />
          )}
          <Field
            label="Seconds before"
            kind="length"
            value={fields.lead}
            hint="usual"
            set={(value) => set({ lead: value })}
          />
          <Field
            label="Seconds after"
            kind="length"
            value={fields.lag}
            hint="usual"
            set={(value) => set({ lag: value })}
          />
          <label>
            <input
              type="checkbox"
              checked={fields.merge}
              onChange={(event) => set({ merge: event.currentTarget.checked })}
            />
            Join those that overlap
          </label>
        </div>
        <details>
          <summary>For single actions</summary>
          <ActionTable fields={fields} set={(actions) => set({ actions })} />
        </details>
        <details>
          <summary>Times of the match and of another video</summary>
          <div class="settings">
            {fields.kickoffs.map((value, index) => (
              <Field
                key={index}
                label={`Kick-off, half ${index + 1}`}
                kind="time"
                value={value}
                hint={index ? "1:02:10" : "4:47"}
                set={(text) =>
                  set({ kickoffs: fields.kickoffs.map((old, i) => (i === index ? text : old)) })
                }
              />
            ))}
            <Field
              label="Add to all times"
              kind="time"
              value={fields.offset}
              hint="0"
              set={(value) => set({ offset: value })}
            />
            <label>
              <input
                type="checkbox"
                checked={markers}
                onChange={(event) => setMarkers(event.currentTarget.checked)}
              />
              Markers of the halves
            </label>
          </div>
        </details>
      </fieldset>
      <fieldset>
        <legend>Files</legend>
        <div class="formats">
          {FORMATS.filter(([name]) => files > 0 || !NEEDS_VIDEO.includes(name)).map(([name, title]) => (
            <label key={name}>
              <input
                type="checkbox"
                checked={formats.includes(name)}
                onChange={(event) => {
                  const { checked } = event.currentTarget;
                  setFormats((former) =>
                    checked ? [...former, name] : former.filter((each) => each !== name),
                  );
                }}
              />
              {title}
            </label>
          ))}
        </div>
        <div class="line">
          <button
            class="primary"
            disabled={!formats.length || !settings}
            onClick={() => void download()}
          >
            Download
          </button>
          <p class="said" role={said[1] ? "alert" : "status"}>
            {settings ? said[0] : "Correct the marked fields first."}
          </p>
        </div>
      </fieldset>
      {files > 0 && <ClipsPart number={number} settings={settings} />}
    </dialog>
  );
}

interface FieldProps {
  label: string;
  kind: "threshold" | "length" | "time";
  value: string;
  hint: string;
  hidden?: boolean;
  set(value: string): void;
}

function Field({ label, kind, value, hint, hidden, set }: FieldProps) {
  const problem = problemOf(value, kind);
  const id = useId();
  return (
    <div class="field">
      <label>
        <span class={hidden ? "visually-hidden" : ""}>{label}</span>
        <input
          type="text"
          inputMode={kind === "time" ? "text" : "decimal"}
          value={value}
          placeholder={hint}
          aria-invalid={problem ? "true" : undefined}
          aria-describedby={problem ? id : undefined}
          onInput={(event) => set(event.currentTarget.value)}
        />
      </label>
      {problem && (
        <p id={id} class="problem">
          {problem}
        </p>
      )}
    </div>
  );
}

const COLUMNS = [
  ["threshold", "threshold"],
  ["lead", "length"],
  ["lag", "length"],
] as const;

interface TableProps {
  fields: Fields;
  set(actions: Record<string, ActionFields>): void;
}

function ActionTable({ fields, set }: TableProps) {
  const change = (name: string, what: Partial<ActionFields>) =>
    set({ ...fields.actions, [name]: { ...(fields.actions[name] as ActionFields), ...what } });
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Action</th>
          <th scope="col">Confidence</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(fields.actions).map(([name, each]) => (
          <tr key={name}>
            <td>
              <label>
                <input
                  type="checkbox"
                  checked={each.chosen}
                  onChange={(event) => change(name, { chosen: event.currentTarget.checked })}
                />
                {titleOf(name)}
              </label>
            </td>
            {COLUMNS.map(([what, kind]) => (
              <td key={what}>
                <Field
                  hidden
                  label={`${name}: ${what === "threshold" ? "confidence" : what}`}
                  kind={kind}
                  value={each[what]}
                  hint={(!problemOf(fields[what], kind) && fields[what]) || "–"}
                  set={(value) => change(name, { [what]: value })}
                />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Clips are cut on this machine; the dialog can be closed meanwhile. */
function ClipsPart({
  number,
  settings,
}: {
  number: number;
  settings: ReturnType<typeof settingsOf>;
}) {
  const [clips, setClips] = useState<Clips | null>(null);
  const [by, setBy] = useState("");
  const [reel, setReel] = useState(false);
  const [problem, setProblem] = useState("");
  const running = clips?.state === "running";
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const poll = () =>
      getClips(number).then(
        (state) => {
          setClips(state);
          if (state.state === "running") timer = setTimeout(poll, POLL_MS);
        },
        (error: Error) => setProblem(error.message),
      );
    void poll();
    return () => clearTimeout(timer);
  }, [number, running]);

  function act(work: Promise<Clips>): void {
    setProblem("");
    work.then(setClips, (error: Error) => setProblem(error.message));
  }

  function cut(): void {
    if (!settings) return;
    const { offset_s: _, ...chosen } = settings;
    act(cutClips(number, { ...chosen, by: by || null, reel }));
  }

  return (
    <fieldset>
      <legend>Clips</legend>
      <p class="faint">One video of each event, in the folder “clips” beside the events.</p>
      <div class="line">
        <label>
          Folders
          <select value={by} onChange={(event) => setBy(event.currentTarget.value)}>
            <option value="">one for all</option>
            <option value="action">by action</option>
            <option value="team">by team</option>
          </select>
        </label>
        <label>
          <input
            type="checkbox"
            checked={reel}
            onChange={(event) => setReel(event.currentTarget.checked)}
          />
          Also join them in a reel with captions
        </label>
        <button disabled={!settings || running} onClick={cut}>
          Cut clips
        </button>
      </div>
      {running && (
        <div class="line">
          <progress aria-label="Clips" value={clips.done} max={clips.total || 1} />
          <span>
            {clips.done} of {clips.total}
          </span>
          <button onClick={() => act(cancelClips(number))}>Cancel</button>
        </div>
      )}
      {clips?.state === "done" && (
        <p class="said" role="status">
          Done: {clips.folder}
        </p>
      )}
      {clips?.state === "cancelled" && (
        <p class="said" role="status">
          Cancelled after {clips.done} of {clips.total}; these are in {clips.folder}.
        </p>
      )}
      {(problem || clips?.state === "failed") && (
        <p class="said" role="alert">
          {problem || clips?.error}
        </p>
      )}
    </fieldset>
  );
}

function initialFields(match: Match, threshold: Threshold, hidden: ReadonlySet<number>): Fields {
  const kickoffs = [0, 1].map((half) => {
    const known = match.kickoffs_ms[half];
    return known === null || known === undefined || known < 0 ? "" : clock(known, known % 1000 ? 3 : 0);
  });
  const actions = match.classes.map(({ name }, label): [string, ActionFields] => [
    name,
    { chosen: !hidden.has(label), threshold: "", lead: "", lag: "" },
  ]);
  return {
    threshold: threshold === null ? "" : String(threshold),
    lead: "",
    lag: "",
    offset: "",
    kickoffs,
    merge: false,
    actions: Object.fromEntries(actions),
  };
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
