/** Icons, drawn as paths of 16 × 16. */

const PATHS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9.5 2.5h3v11h-3z",
  back: "M10.5 3v10L4 8zM12 3h1.5v10H12z",
  forward: "M5.5 3v10L12 8zM2.5 3H4v10H2.5z",
  accept: "M6.3 12.6 2.2 8.5l1.4-1.4 2.7 2.7 6.1-6.1 1.4 1.4z",
  reject: "m8 6.6 3.6-3.6L13 4.4 9.4 8l3.6 3.6-1.4 1.4L8 9.4 4.4 13 3 11.6 6.6 8 3 4.4 4.4 3z",
  undo: "M6 2 1.5 6 6 10V7.5h3.5a2.5 2.5 0 0 1 0 5H5v2h4.5a4.5 4.5 0 0 0 0-9H6z",
  redo: "m10 2 4.5 4-4.5 4V7.5H6.5a2.5 2.5 0 0 0 0 5H11v2H6.5a4.5 4.5 0 0 1 0-9H10z",
  trash: "M6 1.5h4l.7 1.5H14v1.5H2V3h3.3zM3.2 6h9.6l-.7 8.5H3.9z",
  plus: "M7 2.5h2V7h4.5v2H9v4.5H7V9H2.5V7H7z",
  minus: "M2.5 7h11v2h-11z",
  here: "M7 1h2v3.1A4 4 0 0 1 11.9 7H15v2h-3.1A4 4 0 0 1 9 11.9V15H7v-3.1A4 4 0 0 1 4.1 9H1V7h3.1A4 4 0 0 1 7 4.1zm1 5a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  sound: "M2 6v4h2.5L8 13V3L4.5 6zm8-.5a3.5 3.5 0 0 1 0 5l-1-1a2 2 0 0 0 0-3zm2-2a6.3 6.3 0 0 1 0 9l-1-1a5 5 0 0 0 0-7z",
  mute: "M2 6v4h2.5L8 13V3L4.5 6zm12.5 0-1-1-1.5 1.5L10.5 5l-1 1L11 7.5 9.5 9l1 1L12 8.5l1.5 1.5 1-1L13 7.5z",
  boxes:
    "M5 1.5h6v3H9.5V3h-3v1.5H5zM6.5 6.5h3V9h-3zM3 11.5c0-1 2.2-2 5-2s5 1 5 2-2.2 2-5 2-5-1-5-2zm2 0c.3.3 1.5.6 3 .6s2.7-.3 3-.6c-.3-.3-1.5-.6-3-.6s-2.7.3-3 .6z",
  fit: "M2 2h4v2H4v2H2zm8 0h4v4h-2V4h-2zM2 10h2v2h2v2H2zm10 0h2v4h-4v-2h2z",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="currentColor" />
    </svg>
  );
}

interface ButtonProps {
  icon: IconName;
  label: string;
  keys?: string;
  onClick(): void;
  disabled?: boolean;
  pressed?: boolean;
  class?: string;
  text?: string;
}

/** A button with an icon; its name and key are its tool tip. */
export function IconButton({ icon, label, keys, onClick, disabled, pressed, text, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      class={`icon ${rest.class ?? ""}`}
      aria-pressed={pressed}
      aria-label={text ? undefined : label}
      title={keys ? `${label} (${keys})` : label}
      onClick={(event) => {
        event.stopPropagation();
        onClick();
      }}
      disabled={disabled}
    >
      <Icon name={icon} />
      {text}
    </button>
  );
}
