import { Code } from "@connectrpc/connect";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import type { WatchResponse } from "../../gen/maestro/v1/live_pb";
import { useApi } from "../../lib/api";
import { isCode } from "../../lib/errors";
import { queryKeys } from "../../lib/queryKeys";
import { usePageActive } from "../../lib/usePageActive";
import { refetchEverything } from "./applyChanges";
import { watchOverlap } from "./overlap";
import { type LiveState, runWatchLoop } from "./watchLoop";

/** Changes that arrive within this many milliseconds are shown together. */
const BATCH_MS = 40;
/** The server sends a heartbeat every 15 s; three missed ones mean a dead connection. */
const SILENCE_MS = 45_000;

const LiveContext = createContext<LiveState>("connecting");

export function useLiveState(): LiveState {
  return useContext(LiveContext);
}

/** The tab's one watch stream. Everything that is live reads the query cache it keeps current. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const api = useApi();
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");

  const active = usePageActive();

  useEffect(() => {
    if (!active) return;
    const controller = new AbortController();
    const overlap = watchOverlap(client);
    let pending: WatchResponse[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      const messages = pending;
      pending = [];
      timer = undefined;
      overlap.apply(messages);
    };
    void runWatchLoop(
      {
        open: (signal) => api.live.watch({}, { signal, timeoutMs: 0 }),
        onState: setState,
        onConnected: () => refetchEverything(client),
        onMessage: (message) => {
          if (message.change.case === "heartbeat") return;
          pending.push(message);
          timer ??= setTimeout(flush, BATCH_MS);
        },
        isFinal: (error) => isCode(error, Code.Unauthenticated),
        onFinal: () => client.setQueryData(queryKeys.session, null),
        silence: SILENCE_MS,
      },
      controller.signal,
    );
    return () => {
      clearTimeout(timer);
      overlap.stop();
      controller.abort();
    };
  }, [api, client, active]);

  return <LiveContext value={state}>{children}</LiveContext>;
}
