import { Code, ConnectError } from "@connectrpc/connect";
import { useEffect, useState } from "react";
import type { StreamLogsResponse } from "../../../gen/maestro/v1/runs_pb";
import { type Api, useApi } from "../../../lib/api";
import { backoffDelay, sleep } from "../../../lib/backoff";
import { isTransient } from "../../../lib/errors";
import { LogBuffer, type LogLine } from "./logBuffer";

export type LogState = "loading" | "following" | "reconnecting" | "ended" | "failed";

export interface RunLog {
  lines: readonly LogLine[];
  /** Lines no longer kept because the log is too long. */
  dropped: number;
  state: LogState;
  error?: unknown;
}

const START: RunLog = { lines: [], dropped: 0, state: "loading" };
/** Chunks that arrive within this many milliseconds are shown together. */
const BATCH_MS = 60;
/** Failures in a row, without any output between them, after which a person is asked. */
const MAX_FAILURES = 8;

/** Follows the output of one attempt until it has ended. */
export function useRunLog(runId: string, attempt: number, retry: number): RunLog {
  const api = useApi();
  const [log, setLog] = useState<RunLog>(START);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `retry` starts over on demand
  useEffect(() => {
    setLog(START);
    const controller = new AbortController();
    void follow(api, { runId, attempt }, setLog, controller.signal);
    return () => controller.abort();
  }, [api, runId, attempt, retry]);
  return log;
}

interface Target {
  runId: string;
  attempt: number;
}

async function follow(
  api: Api,
  target: Target,
  show: (log: RunLog) => void,
  signal: AbortSignal,
): Promise<void> {
  const buffer = new LogBuffer();
  const publish = (state: LogState, error?: unknown) => {
    if (!signal.aborted) show({ lines: buffer.lines, dropped: buffer.dropped, state, error });
  };
  let failures = 0;
  const onOutput = () => {
    failures = 0;
  };
  while (!signal.aborted) {
    try {
      await readOnce(api, target, buffer, publish, onOutput, signal);
      return publish("ended");
    } catch (error) {
      if (signal.aborted) return;
      if (ConnectError.from(error).code === Code.NotFound) return publish("ended");
      if (!isTransient(error) || failures >= MAX_FAILURES) return publish("failed", error);
      publish("reconnecting");
    }
    await sleep(backoffDelay(failures), signal);
    failures += 1;
  }
}

async function readOnce(
  api: Api,
  target: Target,
  buffer: LogBuffer,
  publish: (state: LogState) => void,
  onOutput: () => void,
  signal: AbortSignal,
): Promise<void> {
  let pending: StreamLogsResponse[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    buffer.append(pending);
    pending = [];
    publish("following");
  };
  try {
    for await (const chunk of api.runs.streamLogs(target, { signal, timeoutMs: 0 })) {
      onOutput();
      pending.push(chunk);
      timer ??= setTimeout(flush, BATCH_MS);
    }
  } finally {
    clearTimeout(timer);
    buffer.append(pending);
  }
}
