import type { QueryClient } from "@tanstack/react-query";
import type { WatchResponse } from "../../gen/maestro/v1/live_pb";
import { applyChanges } from "./applyChanges";

export interface Overlap {
  /** Applies changes now and, where an answer is under way, once more when it has arrived. */
  apply(messages: WatchResponse[]): void;
  stop(): void;
}

/**
 * An answer that is under way may have been read before a change and arrive after it. Without this
 * it would take the page back to the older state, and nothing would ever correct that.
 */
export function watchOverlap(client: QueryClient): Overlap {
  const missed = new Map<string, WatchResponse[]>();
  const cache = client.getQueryCache();
  const stop = cache.subscribe((event) => {
    if (event.type === "removed") missed.delete(event.query.queryHash);
    if (event.type !== "updated") return;
    const { action, query } = event;
    const messages = missed.get(query.queryHash);
    if (action.type === "fetch") missed.delete(query.queryHash);
    if (action.type !== "success" || action.manual || messages === undefined) return;
    missed.delete(query.queryHash);
    applyChanges(client, messages);
  });
  return {
    apply(messages) {
      // Before they are applied: an answer asked for because of a change has seen it.
      for (const { queryHash } of cache.findAll({ fetchStatus: "fetching" })) {
        missed.set(queryHash, [...(missed.get(queryHash) ?? []), ...messages]);
      }
      applyChanges(client, messages);
    },
    stop,
  };
}
