import { type Run, RunStatus } from "../../gen/maestro/v1/runs_pb";
import { text } from "../../text";

/** Why a run did not succeed, in words. */
export interface EndNote {
  what: string;
  /** Whose fault it is and what to do about it. */
  whose: string;
}

/** The explanation of a failure or cancellation; undefined for everything else. */
export function explainEnd(run: Run): EndNote | undefined {
  if (run.status !== RunStatus.FAILED && run.status !== RunStatus.CANCELED) return undefined;
  const { reasons, faults } = text.run;
  const what =
    run.reason === "exit_code" && run.exitCode !== undefined
      ? text.run.exitedWith(run.exitCode)
      : (reasons[run.reason] ?? text.run.otherReason(run.reason));
  const whose = run.status === RunStatus.CANCELED ? text.run.onRequest : (faults[run.fault] ?? "");
  return { what, whose };
}
