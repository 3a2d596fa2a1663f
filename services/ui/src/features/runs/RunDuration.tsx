import type { Attempt, Run } from "../../gen/maestro/v1/runs_pb";
import { formatDuration, formatTicking, toMillis } from "../../lib/time";
import { useTicking } from "../../lib/useTicking";
import { isTerminal } from "./status";

/** What has a start and an end: a run, or one attempt at it. */
type Timed = Pick<Run | Attempt, "status" | "startedAt" | "finishedAt">;

/** How long the run's process has been or was running; ticks while it lives. */
export function RunDuration({ run }: { run: Timed }) {
  const live = run.startedAt !== undefined && !isTerminal(run.status);
  const shown = useTicking((now) => runDuration(run, now), live);
  return <span>{shown}</span>;
}

/** The duration at a moment (milliseconds), or a dash before the start. */
export function runDuration(run: Timed, now: number): string {
  const started = toMillis(run.startedAt);
  if (started === undefined) return "–";
  const finished = toMillis(run.finishedAt);
  if (finished !== undefined) return formatDuration(finished - started);
  return isTerminal(run.status) ? "–" : formatTicking(now - started);
}
