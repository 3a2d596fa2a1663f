import { useEffect, useState } from "react";

/** A tab that stays hidden for this many milliseconds counts as put aside. */
const GRACE_MS = 30_000;

/**
 * False while the tab has been hidden for a while. Browsers allow six connections per origin over
 * HTTP/1.1, so tabs nobody looks at must not hold theirs.
 */
export function usePageActive(): boolean {
  const [active, setActive] = useState(true);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onChange = () => {
      clearTimeout(timer);
      if (document.visibilityState === "visible") setActive(true);
      else timer = setTimeout(() => setActive(false), GRACE_MS);
    };
    document.addEventListener("visibilitychange", onChange);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onChange);
    };
  }, []);
  return active;
}
