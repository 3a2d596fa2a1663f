import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Delivery, DeliveryOutcome, DeliverySchema } from "../gen/maestro/v1/deliveries_pb";
import { type Executor, ExecutorSchema, ExecutorStanding } from "../gen/maestro/v1/executors_pb";
import { type Run, RunSchema, RunStatus } from "../gen/maestro/v1/runs_pb";
import { type SlotPool, SlotPoolSchema, SlotState } from "../gen/maestro/v1/slots_pb";

/** A moment all samples are relative to. */
export const SAMPLE_TIME = Date.UTC(2026, 10, 20, 12, 0, 0);

type RunFields = Omit<Partial<Run>, "$typeName" | "requestedAt"> & { requestedMs?: number };

export function sampleRun(fields: RunFields = {}): Run {
  const { requestedMs = SAMPLE_TIME, ...rest } = fields;
  return create(RunSchema, {
    id: "run_6f0c1a52-0000-5000-8000-000000000001",
    project: "shop",
    trigger: "agent-dev",
    name: "agent",
    status: RunStatus.RUNNING,
    attempt: 1,
    deliveryId: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    event: "issues",
    repository: "acme/shop",
    sender: "octocat",
    number: 42n,
    pool: "default",
    slot: 1,
    requestedAt: timestampFromMs(requestedMs),
    revision: 10n,
    ...rest,
  });
}

export function sampleDelivery(fields: Omit<Partial<Delivery>, "$typeName"> = {}): Delivery {
  return create(DeliverySchema, {
    id: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    provider: "github",
    event: "issues",
    action: "labeled",
    repository: "acme/shop",
    sender: "octocat",
    project: "shop",
    outcome: DeliveryOutcome.ACCEPTED,
    reason: "started",
    explanation: "One run was requested.",
    receivedAt: timestampFromMs(SAMPLE_TIME),
    decidedAt: timestampFromMs(SAMPLE_TIME + 12),
    revision: 9n,
    streamSequence: 8841n,
    ...fields,
  });
}

/** Two slots, one of them held by a run, and one run that waits. */
export function samplePool(fields: Omit<Partial<SlotPool>, "$typeName"> = {}): SlotPool {
  const pool = create(SlotPoolSchema, {
    project: "shop",
    name: "default",
    size: 2,
    queued: 1,
    slots: [
      {
        number: 1,
        state: SlotState.LEASED,
        runId: "run_6f0c1a52-0000-5000-8000-000000000001",
        trigger: "agent-dev",
        attempt: 2,
        token: 7n,
        leasedAt: timestampFromMs(SAMPLE_TIME),
        until: timestampFromMs(SAMPLE_TIME + 900_000),
        executorId: "exe_00000000-0000-4000-8000-000000000009",
        executorStanding: ExecutorStanding.SILENT,
        place: { pod: "run-2-x7k2p", node: "node-a" },
      },
      { number: 2, state: SlotState.FREE },
    ],
    queue: [
      {
        runId: "run_11111111-0000-5000-8000-000000000002",
        trigger: "check",
        attempt: 1,
        requestedAt: timestampFromMs(SAMPLE_TIME),
        waitingSince: timestampFromMs(SAMPLE_TIME),
      },
    ],
  });
  return { ...pool, ...fields };
}

export function sampleExecutor(fields: Omit<Partial<Executor>, "$typeName"> = {}): Executor {
  return create(ExecutorSchema, {
    id: "exe_00000000-0000-4000-8000-000000000009",
    site: "cluster-a/maestro",
    backend: "kubernetes",
    pools: ["default"],
    standing: ExecutorStanding.PRESENT,
    since: timestampFromMs(SAMPLE_TIME),
    leases: 1,
    ...fields,
  });
}
