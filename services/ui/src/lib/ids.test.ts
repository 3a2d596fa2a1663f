import { expect, it } from "vitest";
import { randomKey, shortenIds, shortId } from "./ids";

it("shortens prefixed and bare ids", () => {
  expect(shortId("run_6f0c1a52-1234-5000-8000-000000000001")).toBe("run_6f0c1a52");
  expect(shortId("72d3162e-cc78-11e3-81ab-4c9367dc0958")).toBe("72d3162e");
  expect(shortId("")).toBe("");
});

it("makes 128-bit keys that differ", () => {
  expect(randomKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(randomKey()).not.toBe(randomKey());
});

it("shortens the ids in a sentence and nothing else", () => {
  const id = "exe_01a1fc618be4723fbd25575794349440";
  expect(shortenIds(`Attempt 1 was claimed by ${id}`)).toBe(
    "Attempt 1 was claimed by exe_01a1fc61",
  );
  expect(shortenIds("run_1 and 01a1fc618be4723fbd25575794349440")).toBe(
    "run_1 and 01a1fc618be4723fbd25575794349440",
  );
});
