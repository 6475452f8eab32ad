/** Corrections that are saved as they are made, and the line that states it. */

import { useEffect, useMemo } from "preact/hooks";
import type { Match } from "./api";
import { getCorrections, patchCorrections } from "./api";
import type { Change } from "./saving";
import { Editor, keptIn } from "./saving";

/** The corrections of a match, kept up with those of other tabs. */
export function useEditor(match: Match, number: number, changed: () => void): Editor {
  const editor = useMemo(
    () =>
      new Editor(
        match.corrections,
        {
          read: () => getCorrections(number),
          write: async (version: number, sent: Change) => {
            const written = await patchCorrections(number, version, sent);
            channel?.postMessage(match.key);
            return written;
          },
        },
        changed,
        keptIn(localStorage, `onball ${match.key}`),
      ),
    // Not for each event that is added while it is being spotted.
    [match.key, match.growing === null, number],
  );
  useEffect(() => {
    const refresh = () => {
      if (document.visibilityState === "visible") void editor.refresh();
    };
    const heard = (event: MessageEvent) => {
      if (event.data === match.key) void editor.refresh();
    };
    document.addEventListener("visibilitychange", refresh);
    addEventListener("focus", refresh);
    channel?.addEventListener("message", heard);
    return () => {
      document.removeEventListener("visibilitychange", refresh);
      removeEventListener("focus", refresh);
      channel?.removeEventListener("message", heard);
      editor.close();
    };
  }, [editor]);
  return editor;
}

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("onball") : null;

export function Saved({ editor, file }: { editor: Editor; file: string | null }) {
  const { state, merged } = editor;
  if (file === null) return <span class="saved" />;
  const texts = {
    saved: editor.entries.size ? `Saved in ${file}` : "",
    saving: "Saving …",
    offline: "Not saved: the viewer has ended. Changes are kept here.",
    failed: state.kind === "failed" ? `Not saved: ${state.reason}` : "",
  };
  const other = merged ? `${merged} from another tab` : "";
  return (
    <span class={`saved ${state.kind}`} role={state.kind === "saved" ? undefined : "status"}>
      {[texts[state.kind], state.kind === "saved" ? other : ""].filter(Boolean).join(" · ")}
    </span>
  );
}
