import { Code, ConnectError } from "@connectrpc/connect";
import { renderHook } from "@testing-library/react";
import { expect, it } from "vitest";
import { useCommandKey } from "./commandKey";

const keys = () => renderHook(() => useCommandKey()).result.current;

it("stays the same until the outcome is known", () => {
  const key = keys();
  const first = key.of({ size: 3 });
  key.settle(new ConnectError("away", Code.Unavailable));
  expect(key.of({ size: 3 })).toBe(first);
  key.settle(null);
  expect(key.of({ size: 3 })).not.toBe(first);
});

it("differs for another input and after a refusal", () => {
  const key = keys();
  const first = key.of({ size: 3 });
  expect(key.of({ size: 4 })).not.toBe(first);
  const second = key.of({ size: 4 });
  key.settle(new ConnectError("the pool is already paused", Code.FailedPrecondition));
  expect(key.of({ size: 4 })).not.toBe(second);
});
