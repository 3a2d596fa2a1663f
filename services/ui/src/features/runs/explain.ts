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
  const { faults } = text.run;
  const what = explainReason(run);
  const whose = run.status === RunStatus.CANCELED ? text.run.onRequest : (faults[run.fault] ?? "");
  return { what, whose };
}

/** A typed reason as a sentence. */
export function explainReason({ reason, exitCode }: { reason: string; exitCode?: number }): string {
  if (reason === "exit_code" && exitCode !== undefined) return text.run.exitedWith(exitCode);
  return text.run.reasons[reason] ?? text.run.otherReason(reason);
}
