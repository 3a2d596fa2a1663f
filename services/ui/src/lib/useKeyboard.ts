import { useEffect } from "react";

/** Marks the field that `/` goes to and the links that `j` and `k` move through. */
export const keyboardTarget = {
  filter: { "data-keyboard-filter": true },
  row: { "data-keyboard-row": true },
} as const;

/** `/` focuses the filter; `j` and `k` move through the rows, so that Enter opens one. */
export function useKeyboard(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === "/") focusFilter(event);
      if (event.key === "j") moveRow(event, 1);
      if (event.key === "k") moveRow(event, -1);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest("input, textarea, select, dialog, [role=dialog]") !== null
  );
}

function focusFilter(event: KeyboardEvent): void {
  const field = document.querySelector<HTMLElement>("[data-keyboard-filter]");
  if (!field) return;
  event.preventDefault();
  field.focus();
}

function moveRow(event: KeyboardEvent, step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-keyboard-row]")];
  if (rows.length === 0) return;
  const current = rows.indexOf(document.activeElement as HTMLElement);
  const next = current < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, current + step));
  event.preventDefault();
  rows[next]?.focus();
}
