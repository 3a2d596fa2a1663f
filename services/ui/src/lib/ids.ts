/** `run_0f9a2c31` for `run_0f9a2c31-…`: enough to tell rows apart. */
export function shortId(id: string): string {
  const [prefix, rest] = id.includes("_") ? split(id) : ["", id];
  return prefix + rest.slice(0, 8);
}

function split(id: string): [string, string] {
  const at = id.indexOf("_") + 1;
  return [id.slice(0, at), id.slice(at)];
}

/** A sentence with its ids cut to what tells rows apart. */
export function shortenIds(sentence: string): string {
  return sentence.replace(/\b([a-z]{3}_[0-9a-f]{8})[0-9a-f]{24}\b/g, "$1");
}

/** A fresh random key. `crypto.randomUUID` exists on secure origins only. */
export function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
