import type { Run } from "../../gen/maestro/v1/runs_pb";
import { text } from "../../text";

/** What the run is about: `acme/shop#42`, `acme/shop`, or a word when it has no repository. */
export function subject(run: Pick<Run, "repository" | "number">): string {
  if (!run.repository) return text.runs.noRepository;
  return run.number > 0n ? `${run.repository}#${run.number}` : run.repository;
}
