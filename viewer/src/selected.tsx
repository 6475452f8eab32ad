/** The selected event: what it is, and what can be done with it. */

import type { Match } from "./api";
import type { FrameClock } from "./frames";
import { clock as format } from "./frames";
import { IconButton } from "./icons";
import type { Item } from "./model";
import { TEAM_TITLES, titleOf } from "./names";

interface Props {
  match: Match;
  item: Item | null;
  clock: FrameClock;
  decide(status: "accepted" | "rejected"): void;
  undecide(): void;
  change(what: Partial<Pick<Item, "label" | "team">>): void;
  move(frames: number): void;
  moveHere(): void;
  remove(): void;
  add(label: number): void;
  playClip(): void;
  undo(redo: boolean): void;
}

export function SelectedEvent(props: Props) {
  const { match, item } = props;
  if (match.corrections_file === null) return null;
  if (!item) {
    return (
      <div class="selected none">
        <span class="faint">Select an event, or add one at the current frame:</span>
        <select
          aria-label="Add an event of this action at the current frame"
          value=""
          onChange={(event) => {
            const { value } = event.currentTarget;
            event.currentTarget.value = "";
            if (value) props.add(Number(value));
          }}
        >
          <option value="">Add …</option>
          {match.classes.map((each, label) => (
            <option key={each.name} value={String(label)}>
              {titleOf(each.name)}
            </option>
          ))}
        </select>
      </div>
    );
  }
  const found = item.index >= 0;
  const foundAt = found ? (match.events.position_ms[item.index] as number) : item.position;
  const moved = item.position - foundAt;
  return (
    <div class="selected">
      <div class="line">
        <select
          class="action"
          aria-label="Action"
          value={String(item.label)}
          onChange={(event) => props.change({ label: Number(event.currentTarget.value) })}
        >
          {match.classes.map((each, label) => (
            <option key={each.name} value={String(label)}>
              {titleOf(each.name)}
            </option>
          ))}
        </select>
        <select
          aria-label="Team"
          value={String(item.team)}
          onChange={(event) => props.change({ team: Number(event.currentTarget.value) })}
        >
          {TEAM_TITLES.map((title, team) => (
            <option key={title} value={String(team)}>
              {title === "Unknown" ? "Team unknown" : title}
            </option>
          ))}
        </select>
        <span class="at">
          {format(item.position)}
          {moved !== 0 && (
            <span class="faint">
              {" "}
              {moved > 0 ? "+" : "−"}
              {(Math.abs(moved) / 1000).toFixed(2)} s
            </span>
          )}
        </span>
      </div>
      <div class="line">
        <IconButton
          icon="accept"
          label="Accept"
          text="Accept"
          keys="A"
          class={item.status === "accepted" ? "accept on" : "accept"}
          onClick={() => props.decide("accepted")}
        />
        {item.status === "added" ? (
          <IconButton icon="trash" label="Delete" text="Delete" keys="Delete" onClick={props.remove} />
        ) : (
          <IconButton
            icon="reject"
            label="Reject"
            text="Reject"
            keys="X"
            class={item.status === "rejected" ? "reject on" : "reject"}
            onClick={() => props.decide("rejected")}
          />
        )}
        <IconButton icon="play" label="Play the event" keys="P" onClick={props.playClip} />
        <IconButton icon="back" label="Move back by one frame" keys="Alt ←" onClick={() => props.move(-1)} />
        <IconButton icon="here" label="Move to the current frame" keys="M" onClick={props.moveHere} />
        <IconButton icon="forward" label="Move on by one frame" keys="Alt →" onClick={() => props.move(1)} />
        <IconButton
          icon="undo"
          label={item.status === "added" ? "Undo" : "Take the decision back"}
          keys={item.status === "added" ? "Ctrl Z" : "U"}
          class="end"
          disabled={item.status === "undecided"}
          onClick={() => (item.status === "added" ? props.undo(false) : props.undecide())}
        />
      </div>
    </div>
  );
}
