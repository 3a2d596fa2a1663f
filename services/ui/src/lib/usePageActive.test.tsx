import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { usePageActive } from "./usePageActive";

function become(state: DocumentVisibilityState) {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  act(() => {
    document.dispatchEvent(new Event("visibilitychange"));
  });
}

const pass = (ms: number) => act(() => vi.advanceTimersByTime(ms));

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("lets go of a tab hidden for half a minute and takes it up again at once", () => {
  const { result } = renderHook(() => usePageActive());
  become("hidden");
  pass(29_999);
  expect(result.current).toBe(true);
  pass(1);
  expect(result.current).toBe(false);
  become("visible");
  expect(result.current).toBe(true);
});

it("does not mind a short look elsewhere", () => {
  const { result } = renderHook(() => usePageActive());
  become("hidden");
  pass(10_000);
  become("visible");
  pass(60_000);
  expect(result.current).toBe(true);
});
