import { useRef } from "react";
import { isTransient } from "./errors";
import { randomKey } from "./ids";

/** Names one command, so that asking again is not asking twice. */
export interface CommandKey {
  /** The key for this input: the same one until it is known what became of it. */
  of(input: unknown): string;
  /** The outcome is known, or the error with which it could not be learned. */
  settle(error?: unknown): void;
}

export function useCommandKey(): CommandKey {
  const held = useRef<{ input: string; key: string } | null>(null);
  return {
    of(input) {
      const wanted = JSON.stringify(input);
      if (held.current?.input !== wanted) held.current = { input: wanted, key: randomKey() };
      return held.current.key;
    },
    settle(error) {
      if (error === undefined || error === null || !isTransient(error)) held.current = null;
    },
  };
}
