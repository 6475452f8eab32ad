/** Keys of the viewer: what they do, and how the help lists them. */

import { tinykeys } from "tinykeys";

export interface KeyGroup {
  title: string;
  keys: [string, string][];
}

/** Codes of the keys of the first twelve actions, and their names on the keyboard. */
export const ACTION_KEYS: [string, string][] = [
  ..."1234567890".split("").map((digit): [string, string] => [`Digit${digit}`, digit]),
  ["Minus", "-"],
  ["Equal", "="],
];

export const HELP: KeyGroup[] = [
  {
    title: "Play",
    keys: [
      ["Space", "play or pause"],
      ["← →", "one frame"],
      ["Ctrl ← →", "one second"],
      ["Ctrl Shift ← →", "five seconds"],
      ["J K L", "backwards, pause, forwards; again faster"],
      ["P", "play the selected event with its lead and lag"],
    ],
  },
  {
    title: "Events",
    keys: [
      ["↑ ↓", "previous, next event of the list"],
      ["A", "accept, and go to the next undecided one"],
      ["X", "reject, and go to the next undecided one"],
      ["U", "take the decision back"],
      ["M", "move to the current frame"],
      ["Alt ← →", "move by one frame"],
      ["T", "team: left, right, unknown"],
      ["Delete", "delete an added event, reject a found one"],
      ["Ctrl Z", "undo"],
      ["Ctrl Shift Z", "redo, as Ctrl Y"],
    ],
  },
  {
    title: "Actions",
    keys: [
      ["1 … 9 0 - =", "add an event of this action at the current frame"],
      ["Shift 1 …", "give the selected event this action"],
    ],
  },
  {
    title: "View",
    keys: [
      ["Z", "zoom in; with Shift out"],
      ["F", "whole match"],
      ["E", "export"],
      ["B", "boxes of players and ball"],
      ["C", "curves of the confidence"],
      ["O", "order: by time, least certain first"],
      ["?", "this help"],
      ["Esc", "close it; no event selected"],
    ],
  },
];

type Action = () => void;

/** Bind keys to actions; keys typed into fields keep their meaning. */
export function bindKeys(bindings: Record<string, Action>): () => void {
  const guarded: Record<string, (event: KeyboardEvent) => void> = {};
  for (const [key, action] of Object.entries(bindings)) {
    guarded[key] = (event) => {
      if (isTyping(event, key)) return;
      event.preventDefault();
      action();
    };
  }
  const unbind = tinykeys(window, guarded);
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "Tab") byKeyboard = true;
  };
  const pointed = () => {
    byKeyboard = false;
  };
  // What was set with the mouse gives the keys back to the page.
  const set = (event: Event) => {
    const target = event.target as HTMLElement;
    if (!byKeyboard && target.matches("select, input[type=range]")) target.blur();
  };
  addEventListener("keydown", pressed, true);
  addEventListener("pointerdown", pointed, true);
  addEventListener("change", set);
  return () => {
    unbind();
    removeEventListener("keydown", pressed, true);
    removeEventListener("pointerdown", pointed, true);
    removeEventListener("change", set);
  };
}

/** True if the focus was moved by the Tab key: then Space presses the button that has it. */
let byKeyboard = false;

function isTyping(event: KeyboardEvent, key: string): boolean {
  const target = event.target as HTMLElement | null;
  if (document.querySelector("dialog[open]") && key !== "Escape" && key !== "Shift+?") return true;
  if (!target) return false;
  if (target.matches("input[type=text], input[type=search], input[type=number], textarea")) return key !== "Escape";
  // A list or a slider uses arrows, letters and digits itself.
  if (target.matches("select, input[type=range]")) return !/Control|Meta|Escape/.test(key);
  return byKeyboard && key === "Space" && target.matches("button, a, summary, [role=tab]");
}
