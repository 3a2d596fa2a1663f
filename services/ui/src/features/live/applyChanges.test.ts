import { create } from "@bufbuild/protobuf";
import { type InfiniteData, QueryClient } from "@tanstack/react-query";
import { beforeEach, describe, expect, it } from "vitest";
import { type WatchResponse, WatchResponseSchema } from "../../gen/maestro/v1/live_pb";
import { GetRunResponseSchema, type Run, RunStatus } from "../../gen/maestro/v1/runs_pb";
import type { Page } from "../../lib/pages";
import { queryKeys } from "../../lib/queryKeys";
import { SAMPLE_TIME, sampleDelivery, sampleRun } from "../../test/samples";
import { noRunFilters } from "../runs/filters";
import { applyChanges } from "./applyChanges";

const all = queryKeys.runList(noRunFilters);
const onlyRunning = queryKeys.runList({ ...noRunFilters, statuses: [RunStatus.RUNNING] });

let client: QueryClient;

beforeEach(() => {
  client = new QueryClient();
  const known = sampleRun();
  for (const key of [all, onlyRunning]) {
    client.setQueryData(key, { pages: [{ items: [known], next: "" }], pageParams: [""] });
  }
  client.setQueryData(queryKeys.run(known.id), create(GetRunResponseSchema, { run: known }));
});

const change = (value: WatchResponse["change"]) =>
  create(WatchResponseSchema, { revision: 11n, change: value });
const changed = (run: Run) => change({ case: "run", value: run });

function shown(key: readonly unknown[]): Run[] {
  const data = client.getQueryData<InfiniteData<Page<Run>>>(key);
  return data?.pages.flatMap((page) => page.items) ?? [];
}

const isStale = (key: readonly unknown[]) => client.getQueryState(key)?.isInvalidated;

describe("a run", () => {
  it("that ends changes in one list and leaves the other", () => {
    const ended = sampleRun({ status: RunStatus.SUCCEEDED, revision: 11n });
    applyChanges(client, [changed(ended)]);
    expect(shown(all)).toEqual([ended]);
    expect(shown(onlyRunning)).toEqual([]);
  });

  it("that is new stands on top of every list it matches", () => {
    const fresh = sampleRun({
      id: "run_new",
      status: RunStatus.PENDING,
      requestedMs: SAMPLE_TIME + 1,
    });
    applyChanges(client, [changed(fresh)]);
    expect(shown(all).map((run) => run.id)).toEqual(["run_new", sampleRun().id]);
    expect(shown(onlyRunning)).toHaveLength(1);
  });

  it("updates its own page and asks for the timeline again", () => {
    const run = sampleRun({ cancelRequested: true, revision: 11n });
    const key = queryKeys.run(run.id);
    applyChanges(client, [changed(run)]);
    expect(client.getQueryData(key)).toMatchObject({ run: { cancelRequested: true } });
    expect(isStale(key)).toBe(true);
  });

  it("never goes back to an older revision", () => {
    const late = sampleRun({ status: RunStatus.PENDING, revision: 3n });
    applyChanges(client, [changed(late)]);
    expect(shown(all)[0]?.status).toBe(RunStatus.RUNNING);
    expect(client.getQueryData(queryKeys.run(late.id))).toMatchObject({
      run: { status: RunStatus.RUNNING },
    });
  });

  it("that changed several times shows its last state", () => {
    applyChanges(client, [
      changed(sampleRun({ status: RunStatus.RUNNING, revision: 11n })),
      changed(sampleRun({ status: RunStatus.FAILED, revision: 12n })),
    ]);
    expect(shown(all)[0]?.status).toBe(RunStatus.FAILED);
  });
});

it("a delivery enters the list of deliveries and refreshes its page", () => {
  const filters = { outcome: 0, event: "", repository: "", project: "" };
  const key = queryKeys.deliveryList(filters);
  const delivery = sampleDelivery();
  const page = queryKeys.delivery(delivery.id, delivery.provider);
  client.setQueryData(key, { pages: [{ items: [], next: "" }], pageParams: [""] });
  client.setQueryData(page, { delivery });
  applyChanges(client, [change({ case: "delivery", value: delivery })]);
  expect(client.getQueryData(key)).toMatchObject({ pages: [{ items: [{ id: delivery.id }] }] });
  expect(isStale(page)).toBe(true);
});

it("changed slots and a resync ask again for what they touch", () => {
  client.setQueryData(queryKeys.slots, { pools: [] });
  client.setQueryData(queryKeys.session, {});
  const slots = create(WatchResponseSchema, {
    change: { case: "slots", value: { project: "shop" } },
  });
  applyChanges(client, [slots]);
  expect([isStale(queryKeys.slots), isStale(all)]).toEqual([true, false]);

  const resync = create(WatchResponseSchema, { change: { case: "resync", value: {} } });
  applyChanges(client, [resync]);
  expect([isStale(all), isStale(onlyRunning), isStale(queryKeys.session)]).toEqual([
    true,
    true,
    false,
  ]);
});
