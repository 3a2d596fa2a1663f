import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { type Delivery, DeliveryService } from "../gen/maestro/v1/deliveries_pb";
import type { Executor } from "../gen/maestro/v1/executors_pb";
import { LiveService, type WatchResponse, WatchResponseSchema } from "../gen/maestro/v1/live_pb";
import {
  type Attempt,
  type Run,
  RunService,
  RunStatus,
  type StreamLogsResponse,
  type TimelineEntry,
} from "../gen/maestro/v1/runs_pb";
import { type SlotPool, SlotService } from "../gen/maestro/v1/slots_pb";
import { SystemService } from "../gen/maestro/v1/system_pb";
import { Channel } from "./channel";

/** An in-memory gateway for tests: what it holds is what the pages show. */
export class World {
  signedIn = true;
  runs: Run[] = [];
  deliveries: Delivery[] = [];
  pools: SlotPool[] = [];
  executors: Executor[] = [];
  attempts = new Map<string, Attempt[]>();
  timelines = new Map<string, TimelineEntry[]>();
  logs = new Map<string, Channel<StreamLogsResponse>>();
  cancels: { id: string; reason: string; idempotencyKey: string }[] = [];
  retries: { id: string; reason: string; idempotencyKey: string }[] = [];
  /** Commands on pools, as they came. */
  steered: { command: string; pool: string; reason: string; size?: number }[] = [];
  /** Lists fail with this while it is set. */
  failure: ConnectError | undefined;
  private watchers = new Set<Channel<WatchResponse>>();

  get watching(): number {
    return this.watchers.size;
  }

  /** Stores a run and tells the watchers. */
  putRun(run: Run): void {
    this.runs = [run, ...this.runs.filter((each) => each.id !== run.id)];
    this.send({ revision: run.revision, change: { case: "run", value: run } });
  }

  putDelivery(delivery: Delivery): void {
    this.deliveries = [delivery, ...this.deliveries];
    this.send({ revision: delivery.revision, change: { case: "delivery", value: delivery } });
  }

  send(message: Pick<WatchResponse, "revision" | "change">): void {
    for (const each of this.watchers) each.push(create(WatchResponseSchema, message));
  }

  /** Ends every watch stream, as a restart of the server does. */
  dropWatchers(): void {
    for (const each of this.watchers) each.close();
  }

  log(runId: string): Channel<StreamLogsResponse> {
    const known = this.logs.get(runId) ?? new Channel<StreamLogsResponse>();
    this.logs.set(runId, known);
    return known;
  }

  readonly routes = (router: ConnectRouter): void => {
    this.runRoutes(router);
    router.service(DeliveryService, {
      listDeliveries: ({ outcome, event, repository }) => {
        this.check();
        const deliveries = this.deliveries.filter(
          (each) =>
            (!outcome || each.outcome === outcome) &&
            (!event || each.event === event) &&
            (!repository || each.repository === repository),
        );
        return { deliveries };
      },
      getDelivery: ({ id }) => ({
        delivery: found(this.deliveries.find((each) => each.id === id)),
      }),
    });
    this.slotRoutes(router);
    router.service(SystemService, { getStatus: () => ({ ready: true, version: "test" }) });
    const world = this;
    router.service(LiveService, {
      async *watch(_, { signal }) {
        world.authenticate();
        const channel = new Channel<WatchResponse>();
        world.watchers.add(channel);
        signal.addEventListener("abort", () => channel.close());
        yield { change: { case: "heartbeat", value: {} } };
        yield* channel;
        world.watchers.delete(channel);
      },
    });
  };

  private runRoutes(router: ConnectRouter): void {
    const world = this;
    router.service(RunService, {
      listRuns: ({ statuses, repository, trigger, project, deliveryId, page }) => {
        this.check();
        const matching = this.runs.filter(
          (run) =>
            (statuses.length === 0 || statuses.includes(run.status)) &&
            (!repository || run.repository === repository) &&
            (!trigger || run.trigger === trigger) &&
            (!project || run.project === project) &&
            (!deliveryId || run.deliveryId === deliveryId),
        );
        const start = Number(page?.pageToken || 0);
        const end = start + (page?.pageSize || 50);
        return {
          runs: matching.slice(start, end),
          nextPageToken: end < matching.length ? String(end) : "",
        };
      },
      getRun: ({ id }) => ({
        run: found(this.runs.find((run) => run.id === id)),
        timeline: this.timelines.get(id) ?? [],
        attempts: this.attempts.get(id) ?? [],
        retryIds: this.runs.filter((run) => run.retryOf === id).map((run) => run.id),
      }),
      retryRun: ({ id, reason, idempotencyKey }) => {
        this.check();
        this.retries.push({ id, reason, idempotencyKey });
        const run = found(this.runs.find((each) => each.id === id));
        const revision = run.revision + 1n;
        const again = { ...run, id: "run_again", status: RunStatus.PENDING, retryOf: id, revision };
        this.putRun(again);
        return { revision, runId: again.id, commandId: "cmd_2" };
      },
      cancelRun: ({ id, reason, idempotencyKey }) => {
        this.cancels.push({ id, reason, idempotencyKey });
        const run = found(this.runs.find((each) => each.id === id));
        this.putRun({
          ...run,
          status: RunStatus.CANCELED,
          reason: "canceled",
          revision: run.revision + 1n,
        });
        return { revision: run.revision + 1n, commandId: "cmd_1" };
      },
      async *streamLogs({ runId }) {
        yield* world.log(runId);
      },
      watchRuns: () => {
        throw new ConnectError("not part of the interface", Code.Unimplemented);
      },
    });
  }

  private slotRoutes(router: ConnectRouter): void {
    const steer = (
      command: string,
      { pool, reason, size }: { pool: string; reason: string; size?: number },
      change: Partial<SlotPool>,
    ) => {
      this.check();
      this.steered.push({ command, pool, reason, size });
      this.pools = this.pools.map((each) => (each.name === pool ? { ...each, ...change } : each));
      return { revision: 20n, commandId: "cmd_3" };
    };
    router.service(SlotService, {
      listSlots: () => {
        this.check();
        return { pools: this.pools };
      },
      listExecutors: () => ({ executors: this.executors }),
      pausePool: (request) => steer("pause", request, { paused: true }),
      resumePool: (request) => steer("resume", request, { paused: false }),
      resizePool: (request) => steer("resize", request, { size: request.size }),
    });
  }

  private authenticate(): void {
    if (!this.signedIn) throw new ConnectError("no session", Code.Unauthenticated);
  }

  private check(): void {
    this.authenticate();
    if (this.failure) throw this.failure;
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new ConnectError("not found", Code.NotFound);
  return value;
}
