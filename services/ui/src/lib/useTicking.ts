import { useSyncExternalStore } from "react";

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

const never = () => () => {};

/**
 * Text that depends on the time, looked at once a second. One timer serves the whole page, and a
 * component renders only when its text changes. With `ticking` false the text stays.
 */
export function useTicking(render: (now: number) => string, ticking = true): string {
  return useSyncExternalStore(ticking ? subscribe : never, () => render(Date.now()));
}
