import { expect, it, vi } from "vitest";
import { backoffDelay, sleep } from "./backoff";

it("doubles up to fifteen seconds and never drops below half", () => {
  const low = [0, 1, 2, 20].map((attempt) => backoffDelay(attempt, () => 0));
  const high = [0, 1, 2, 20].map((attempt) => backoffDelay(attempt, () => 1));
  expect(low).toEqual([250, 500, 1000, 7500]);
  expect(high).toEqual([500, 1000, 2000, 15_000]);
});

it("wakes up at once when aborted", async () => {
  vi.useFakeTimers();
  const controller = new AbortController();
  const slept = sleep(60_000, controller.signal);
  controller.abort();
  await slept;
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});
