import { Code, ConnectError } from "@connectrpc/connect";
import { text } from "../text";

/** What a person is told about a failed call. */
export interface Problem {
  title: string;
  detail: string;
}

export function isCode(error: unknown, code: Code): boolean {
  return error instanceof ConnectError && error.code === code;
}

const FINAL: ReadonlySet<Code> = new Set([
  Code.InvalidArgument,
  Code.NotFound,
  Code.AlreadyExists,
  Code.PermissionDenied,
  Code.FailedPrecondition,
  Code.OutOfRange,
  Code.Unimplemented,
  Code.Unauthenticated,
]);

/** True when the same call may succeed a moment later, as after a lost connection. */
export function isTransient(error: unknown): boolean {
  return !FINAL.has(ConnectError.from(error).code);
}

/** What browsers say when no answer came at all: Chromium, Firefox, Safari. */
const UNREACHABLE = /^(Failed to fetch|NetworkError when attempting|Load failed)/;

export function describeError(error: unknown): Problem {
  const { code, rawMessage } = ConnectError.from(error);
  if (UNREACHABLE.test(rawMessage)) {
    return { title: text.errors.unavailable, detail: text.errors.unreachable };
  }
  switch (code) {
    case Code.Unavailable:
    case Code.DeadlineExceeded:
      return { title: text.errors.unavailable, detail: rawMessage };
    case Code.NotFound:
      return { title: text.errors.notFound, detail: rawMessage };
    case Code.PermissionDenied:
      return { title: text.errors.denied, detail: rawMessage };
    default:
      return { title: text.errors.generic, detail: rawMessage };
  }
}
