import { describe, expect, it } from "vitest";
import { RunStatus } from "../../gen/maestro/v1/runs_pb";
import { SAMPLE_TIME, sampleRun } from "../../test/samples";
import {
  isFiltered,
  noRunFilters,
  parseRunFilters,
  runFilterParams,
  runListRules,
} from "./filters";

const filtered = {
  statuses: [RunStatus.RUNNING, RunStatus.FAILED],
  project: "shop",
  repository: "acme/shop",
  trigger: "agent-dev",
  deliveryId: "72d3162e",
};

describe("the address bar", () => {
  it("keeps every filter", () => {
    const params = runFilterParams(filtered);
    expect(params.toString()).toBe(
      "status=running%2Cfailed&project=shop&repository=acme%2Fshop&trigger=agent-dev&delivery=72d3162e",
    );
    expect(parseRunFilters(new URLSearchParams(params.toString()))).toEqual(filtered);
  });

  it("stays clean without filters", () => {
    expect(runFilterParams(noRunFilters).toString()).toBe("");
    expect(isFiltered(parseRunFilters(new URLSearchParams()))).toBe(false);
  });

  it("ignores what it does not know, and the order of statuses", () => {
    const params = new URLSearchParams("status=failed,nonsense,running&project=%20shop%20&x=1");
    expect(parseRunFilters(params)).toEqual({
      ...noRunFilters,
      statuses: filtered.statuses,
      project: "shop",
    });
  });
});

describe("live changes", () => {
  it("match by every field", () => {
    const rules = runListRules({ ...filtered, deliveryId: "" });
    expect(rules.matches(sampleRun())).toBe(true);
    expect(rules.matches(sampleRun({ status: RunStatus.SUCCEEDED }))).toBe(false);
    expect(rules.matches(sampleRun({ project: "other" }))).toBe(false);
    expect(rules.matches(sampleRun({ repository: "acme/other" }))).toBe(false);
    expect(rules.matches(sampleRun({ trigger: "other" }))).toBe(false);
    expect(runListRules(filtered).matches(sampleRun())).toBe(false);
  });

  it("stand newest first", () => {
    const older = sampleRun({ requestedMs: SAMPLE_TIME - 1 });
    const { order } = runListRules(noRunFilters);
    expect(order(sampleRun(), older)).toBeLessThan(0);
    expect(order(older, sampleRun())).toBeGreaterThan(0);
  });
});
