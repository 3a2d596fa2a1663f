/**
 * Takes the one-time code out of the address (`/login#<code>`) and removes it from the address bar
 * and the history entry, so that neither a bookmark nor a shared link carries it.
 */
export function takeLoginCode(
  location: Pick<Location, "pathname" | "search" | "hash">,
  history: Pick<History, "replaceState" | "state">,
): string | null {
  if (location.pathname !== "/login" || location.hash.length < 2) return null;
  const code = decode(location.hash.slice(1)).trim();
  history.replaceState(history.state, "", location.pathname + location.search);
  return code || null;
}

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
