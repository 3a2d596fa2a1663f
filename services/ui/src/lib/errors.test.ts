import { Code, ConnectError } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { text } from "../text";
import { describeError, isTransient } from "./errors";

it("retries what a moment may cure, and nothing the server has judged", () => {
  expect(isTransient(new TypeError("Failed to fetch"))).toBe(true);
  expect(isTransient(new ConnectError("missing trailer", Code.Internal))).toBe(true);
  expect(isTransient(new ConnectError("broker away", Code.Unavailable))).toBe(true);
  expect(isTransient(new ConnectError("no", Code.PermissionDenied))).toBe(false);
  expect(isTransient(new ConnectError("no session", Code.Unauthenticated))).toBe(false);
});

it("has words for a server that is away and passes on what it said otherwise", () => {
  expect(describeError(new TypeError("Failed to fetch"))).toEqual({
    title: text.errors.unavailable,
    detail: text.errors.unreachable,
  });
  expect(describeError(new ConnectError("page_size is 500", Code.InvalidArgument))).toEqual({
    title: text.errors.generic,
    detail: "page_size is 500",
  });
});
