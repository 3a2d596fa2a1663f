import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { renderHook, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, it } from "vitest";
import { LogStream, RunService } from "../../../gen/maestro/v1/runs_pb";
import { ApiProvider, createApi } from "../../../lib/api";
import { useRunLog } from "./useRunLog";

type Part = string | ConnectError;

/** Follows a log whose n-th connection sends the n-th parts, each string from its own offset on. */
function follow(connections: Part[][]) {
  const requests: { runId: string; attempt: number }[] = [];
  const transport = createRouterTransport(({ service }) => {
    service(RunService, {
      async *streamLogs({ runId, attempt }) {
        const parts = connections[requests.length] ?? [];
        requests.push({ runId, attempt });
        let offset = 0n;
        for (const part of parts) {
          if (part instanceof ConnectError) throw part;
          const data = new TextEncoder().encode(part);
          yield { stream: LogStream.STDOUT, offset, data };
          offset += BigInt(data.length);
        }
      },
    });
  });
  const api = createApi(transport);
  const wrapper = ({ children }: { children: ReactNode }) => (
    <ApiProvider api={api}>{children}</ApiProvider>
  );
  const { result } = renderHook(() => useRunLog("run_1", 2, 0), { wrapper });
  return { log: result, requests };
}

const lost = new ConnectError("connection lost", Code.Unavailable);

it("reads one attempt to its end", async () => {
  const { log, requests } = follow([["one\ntw", "o\n"]]);
  await waitFor(() => expect(log.current.state).toBe("ended"));
  expect(log.current.lines.map((line) => line.text)).toEqual(["one", "two"]);
  expect(requests).toEqual([{ runId: "run_1", attempt: 2 }]);
});

it("goes on where a lost connection stopped", async () => {
  const { log, requests } = follow([
    ["one\ntw", lost],
    ["one\ntw", "o\nthree"],
  ]);
  await waitFor(() => expect(log.current.state).toBe("reconnecting"));
  expect(log.current.lines.map((line) => line.text)).toEqual(["one", "tw"]);
  await waitFor(() => expect(log.current.state).toBe("ended"));
  expect(log.current.lines.map((line) => line.text)).toEqual(["one", "two", "three"]);
  expect(requests).toHaveLength(2);
});

it("says so when it may not read", async () => {
  const { log } = follow([[new ConnectError("not yours", Code.PermissionDenied)]]);
  await waitFor(() => expect(log.current.state).toBe("failed"));
  expect(log.current.error).toMatchObject({ rawMessage: "not yours" });
});

it("takes a log that does not exist as empty", async () => {
  const { log } = follow([[new ConnectError("no log", Code.NotFound)]]);
  await waitFor(() => expect(log.current.state).toBe("ended"));
  expect(log.current.lines).toEqual([]);
});
