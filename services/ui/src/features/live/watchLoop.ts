import type { WatchResponse } from "../../gen/maestro/v1/live_pb";
import { backoffDelay, sleep } from "../../lib/backoff";

export type LiveState = "connecting" | "live" | "reconnecting";

export interface WatchLoop {
  /** Opens the stream; aborting the signal ends it. */
  open(signal: AbortSignal): AsyncIterable<WatchResponse>;
  onState(state: LiveState): void;
  /** The stream answers: whatever was read before may be out of date. */
  onConnected(): void;
  onMessage(message: WatchResponse): void;
  /** True ends the loop (no session). */
  isFinal(error: unknown): boolean;
  onFinal(error: unknown): void;
  /** Milliseconds without any message after which the connection counts as dead. */
  silence: number;
  random?: () => number;
}

/** Keeps one watch stream open until the signal aborts, reconnecting with backoff. */
export async function runWatchLoop(loop: WatchLoop, signal: AbortSignal): Promise<void> {
  let failures = 0;
  loop.onState("connecting");
  while (!signal.aborted) {
    try {
      await readOnce(loop, signal, () => {
        failures = 0;
      });
    } catch (error) {
      if (signal.aborted) return;
      if (loop.isFinal(error)) return loop.onFinal(error);
    }
    if (signal.aborted) return;
    loop.onState("reconnecting");
    await sleep(backoffDelay(failures, loop.random), signal);
    failures += 1;
  }
}

async function readOnce(loop: WatchLoop, signal: AbortSignal, onAnswer: () => void) {
  const attempt = new AbortController();
  const stop = () => attempt.abort();
  signal.addEventListener("abort", stop);
  let watchdog = setTimeout(stop, loop.silence);
  let answered = false;
  try {
    for await (const message of loop.open(attempt.signal)) {
      clearTimeout(watchdog);
      watchdog = setTimeout(stop, loop.silence);
      if (!answered) {
        answered = true;
        onAnswer();
        loop.onState("live");
        loop.onConnected();
      }
      loop.onMessage(message);
    }
  } finally {
    clearTimeout(watchdog);
    signal.removeEventListener("abort", stop);
  }
}
