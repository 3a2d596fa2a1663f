import { expect, it } from "vitest";
import words from "../../../../../libs/domain/tests/golden/words.v1.json";
import { RunStatus } from "../../gen/maestro/v1/runs_pb";
import { sampleRun } from "../../test/samples";
import { text } from "../../text";
import { explainEnd } from "./explain";

const failed = (reason: string, fault: string, exitCode?: number) =>
  explainEnd(sampleRun({ status: RunStatus.FAILED, reason, fault, exitCode }));

it("names the exit code and whose fault it is", () => {
  expect(failed("exit_code", "user", 2)).toEqual({
    what: "The command ended with exit code 2",
    whose: text.run.faults.user,
  });
  expect(failed("node_lost", "infrastructure")?.whose).toBe(text.run.faults.infrastructure);
});

it("says something about a reason it does not know", () => {
  expect(failed("gremlins", "")).toEqual({ what: "It ended with: gremlins", whose: "" });
  expect(failed("", "")?.what).toBe("It did not succeed");
});

it.each(words.Reason)("has a sentence for %s, as the log has it", (reason) => {
  expect(text.run.reasons[reason]).toMatch(/^[A-Z].* /);
});

it("blames nobody for a cancellation", () => {
  const canceled = sampleRun({ status: RunStatus.CANCELED, reason: "superseded" });
  expect(explainEnd(canceled)).toEqual({
    what: text.run.reasons.superseded,
    whose: text.run.onRequest,
  });
});

it("is silent about everything else", () => {
  expect(explainEnd(sampleRun({ status: RunStatus.SUCCEEDED }))).toBeUndefined();
  expect(explainEnd(sampleRun({ status: RunStatus.RUNNING }))).toBeUndefined();
});
