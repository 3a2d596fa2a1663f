import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type WatchResponse, WatchResponseSchema } from "../../gen/maestro/v1/live_pb";
import { Channel } from "../../test/channel";
import { runWatchLoop, type WatchLoop } from "./watchLoop";

const heartbeat = create(WatchResponseSchema, { change: { case: "heartbeat", value: {} } });

/** A loop over channels the test feeds; `opened` holds one per connection. */
function harness(overrides: Partial<WatchLoop> = {}) {
  const opened: Channel<WatchResponse>[] = [];
  const loop = {
    open: vi.fn((signal: AbortSignal) => {
      const channel = new Channel<WatchResponse>();
      opened.push(channel);
      signal.addEventListener("abort", () => channel.close());
      return channel;
    }),
    onState: vi.fn<WatchLoop["onState"]>(),
    onConnected: vi.fn(),
    onMessage: vi.fn(),
    isFinal: () => false,
    onFinal: vi.fn(),
    silence: 45_000,
    random: () => 1,
  };
  const controller = new AbortController();
  const done = runWatchLoop({ ...loop, ...overrides }, controller.signal);
  const states = () => loop.onState.mock.calls.map(([state]) => state);
  return { loop, opened, controller, done, states };
}

const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("runWatchLoop", () => {
  it("is live from the first message and passes every message on", async () => {
    const { loop, opened, states } = harness();
    await settle();
    expect(states()).toEqual(["connecting"]);
    opened[0]?.push(heartbeat, heartbeat);
    await settle();
    expect(states()).toEqual(["connecting", "live"]);
    expect(loop.onConnected).toHaveBeenCalledOnce();
    expect(loop.onMessage).toHaveBeenCalledTimes(2);
  });

  it("connects again after the end of a stream and says so each time", async () => {
    const { loop, opened, states } = harness();
    opened[0]?.push(heartbeat);
    await settle();
    opened[0]?.close();
    await settle();
    expect(states().at(-1)).toBe("reconnecting");
    await vi.advanceTimersByTimeAsync(500);
    opened[1]?.push(heartbeat);
    await settle();
    expect(states().at(-1)).toBe("live");
    expect(loop.onConnected).toHaveBeenCalledTimes(2);
  });

  it("waits longer after each failure and forgets that after a success", async () => {
    const { loop, opened } = harness();
    opened[0]?.close();
    await vi.advanceTimersByTimeAsync(500);
    opened[1]?.close();
    await vi.advanceTimersByTimeAsync(999);
    expect(loop.open).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(loop.open).toHaveBeenCalledTimes(3);
    opened[2]?.push(heartbeat);
    opened[2]?.close();
    await vi.advanceTimersByTimeAsync(500);
    expect(loop.open).toHaveBeenCalledTimes(4);
  });

  it("gives up a connection that fell silent", async () => {
    const { loop, opened } = harness();
    opened[0]?.push(heartbeat);
    await vi.advanceTimersByTimeAsync(44_999);
    opened[0]?.push(heartbeat);
    await vi.advanceTimersByTimeAsync(44_999);
    expect(loop.open).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(501);
    expect(loop.open).toHaveBeenCalledTimes(2);
  });

  it("ends without a session", async () => {
    const error = new ConnectError("no session", Code.Unauthenticated);
    const open = vi.fn(() => {
      throw error;
    });
    const { loop, done } = harness({
      open,
      isFinal: (reason) => reason === error,
    });
    await done;
    expect(loop.onFinal).toHaveBeenCalledExactlyOnceWith(error);
    expect(open).toHaveBeenCalledOnce();
  });

  it("leaves nothing behind when it is stopped", async () => {
    const { controller, done, opened, loop } = harness();
    opened[0]?.push(heartbeat);
    await settle();
    controller.abort();
    await done;
    expect(vi.getTimerCount()).toBe(0);
    expect(loop.open).toHaveBeenCalledOnce();
  });
});
