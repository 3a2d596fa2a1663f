import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Delivery, DeliveryOutcome, DeliverySchema } from "../gen/maestro/v1/deliveries_pb";
import { type Run, RunSchema, RunStatus } from "../gen/maestro/v1/runs_pb";

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
