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

/** True when the same call may succeed a moment later. */
export function isTransient(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return (
    code === Code.Unavailable ||
    code === Code.DeadlineExceeded ||
    code === Code.ResourceExhausted ||
    code === Code.Aborted ||
    code === Code.Unknown
  );
}

export function describeError(error: unknown): Problem {
  const { code, rawMessage } = ConnectError.from(error);
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
