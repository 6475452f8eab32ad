/** Overlay with all keys. */

import { useEffect, useRef } from "preact/hooks";
import type { Match } from "./api";
import { ACTION_KEYS, HELP } from "./keys";
import { titleOf } from "./names";

export function HelpDialog({ match, close }: { match: Match; close(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-labelledby="help-title"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div class="help-head">
        <h2 id="help-title">Keys</h2>
        <button class="quiet" onClick={close}>
          Close
        </button>
      </div>
      <div class="help-groups">
        {HELP.map((group) => (
          <section key={group.title}>
            <h3>{group.title}</h3>
            <dl>
              {group.keys.map(([keys, meaning]) => (
                <div key={keys}>
                  <dt>
                    {keys.split(" ").map((key, index) => (
                      <kbd key={index}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{meaning}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <section>
          <h3>Keys of the actions</h3>
          <dl>
            {ACTION_KEYS.slice(0, match.classes.length).map(([code, key], label) => (
              <div key={code}>
                <dt>
                  <kbd>{key}</kbd>
                </dt>
                <dd>{titleOf(match.classes[label]?.name ?? "")}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </dialog>
  );
}
