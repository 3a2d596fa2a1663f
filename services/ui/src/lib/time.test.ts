import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { formatDuration, formatRelative, formatRemaining, formatTicking, toMillis } from "./time";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("formatDuration", () => {
  it.each([
    [-5, "0 ms"],
    [0, "0 ms"],
    [349.6, "350 ms"],
    [1000, "1.0 s"],
    [9999, "9.9 s"],
    [10_000, "10 s"],
    [59_999, "59 s"],
    [3 * MINUTE + 5 * SECOND, "3 m 05 s"],
    [2 * HOUR + 7 * MINUTE, "2 h 07 m"],
    [3 * DAY + 4 * HOUR, "3 d 4 h"],
  ])("%d ms is %s", (ms, expected) => {
    expect(formatDuration(ms)).toBe(expected);
  });
});

describe("formatRemaining", () => {
  it.each([
    [-1, "overdue"],
    [0, "overdue"],
    [1, "in 1 s"],
    [59 * SECOND, "in 59 s"],
    [16 * MINUTE + 59 * SECOND, "in 16 m"],
    [2 * HOUR + 7 * MINUTE, "in 2 h 07 m"],
    [3 * DAY + 4 * HOUR, "in 3 d"],
  ])("%d ms ahead is %s", (ms, expected) => {
    expect(formatRemaining(ms, 0)).toBe(expected);
  });
});

describe("formatTicking", () => {
  it("counts whole seconds and never runs below zero when clocks differ", () => {
    expect(formatTicking(-1500)).toBe("0 s");
    expect(formatTicking(1999)).toBe("1 s");
    expect(formatTicking(61_000)).toBe("1 m 01 s");
  });
});

describe("formatRelative", () => {
  const now = Date.UTC(2026, 10, 20, 12);
  it.each([
    [-3 * SECOND, "just now"],
    [4 * SECOND, "just now"],
    [5 * SECOND, "5 s ago"],
    [59 * SECOND, "59 s ago"],
    [MINUTE, "1 m ago"],
    [HOUR, "1 h ago"],
    [25 * HOUR, "1 d ago"],
    [13 * DAY, "13 d ago"],
  ])("%d ms back is %s", (ago, expected) => {
    expect(formatRelative(now - ago, now)).toBe(expected);
  });

  it("names the date after two weeks", () => {
    expect(formatRelative(now - 20 * DAY, now)).toMatch(/31 Oct 2026/);
  });
});

describe("toMillis", () => {
  it("keeps milliseconds and tells an absent field from the epoch", () => {
    expect(toMillis(timestampFromMs(1_700_000_000_123))).toBe(1_700_000_000_123);
    expect(toMillis(timestampFromMs(0))).toBe(0);
    expect(toMillis(undefined)).toBeUndefined();
  });
});
