import { create } from "@bufbuild/protobuf";
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WatchResponseSchema } from "../../gen/maestro/v1/live_pb";
import { type Run, RunStatus } from "../../gen/maestro/v1/runs_pb";
import type { Page } from "../../lib/pages";
import { queryKeys } from "../../lib/queryKeys";
import { sampleRun } from "../../test/samples";
import { noRunFilters } from "../runs/filters";
import { type Overlap, watchOverlap } from "./overlap";

interface Pages {
  pages: Page<Run>[];
  pageParams: string[];
}

const queryKey = queryKeys.runList(noRunFilters);
const before = sampleRun({ status: RunStatus.RUNNING, revision: 10n });
const after = sampleRun({ status: RunStatus.SUCCEEDED, revision: 11n });
const list = (...items: Run[]): Pages => ({ pages: [{ items, next: "" }], pageParams: [""] });
const change = (run: Run) =>
  create(WatchResponseSchema, { revision: run.revision, change: { case: "run", value: run } });

let client: QueryClient;
let overlap: Overlap;
let answers: ((answer: Pages) => void)[];
let unsubscribe: () => void;

beforeEach(() => {
  client = new QueryClient();
  overlap = watchOverlap(client);
  answers = [];
  const queryFn = () => new Promise<Pages>((resolve) => answers.push(resolve));
  unsubscribe = new QueryObserver(client, { queryKey, queryFn }).subscribe(() => {});
});

afterEach(() => {
  unsubscribe();
  overlap.stop();
});

const shown = () => client.getQueryData<Pages>(queryKey)?.pages[0]?.items;

async function answer(number: number, items: Run[]) {
  answers[number]?.(list(...items));
  await expect.poll(() => client.getQueryState(queryKey)?.fetchStatus).toBe("idle");
}

it("a change before the first answer is not lost", async () => {
  overlap.apply([change(after)]);
  await answer(0, [before]);
  expect(shown()).toEqual([after]);
});

it("an answer that was read before a change does not undo it", async () => {
  await answer(0, [before]);
  const again = client.refetchQueries({ queryKey });
  overlap.apply([change(after)]);
  expect(shown()).toEqual([after]);
  answers[1]?.(list(before));
  await again;
  expect(shown()).toEqual([after]);
});

it("a later answer is taken as it is", async () => {
  await answer(0, [before]);
  overlap.apply([change(after)]);
  const again = client.refetchQueries({ queryKey });
  answers[1]?.(list());
  await again;
  expect(shown()).toEqual([]);
});

it("a busy pool is read again after each answer, not instead of it", async () => {
  const pools: ((answer: string) => void)[] = [];
  const queryFn = () => new Promise<string>((resolve) => pools.push(resolve));
  const observer = new QueryObserver(client, { queryKey: queryKeys.pools, queryFn });
  const stopObserving = observer.subscribe(() => {});
  const changed = create(WatchResponseSchema, {
    change: { case: "slots", value: { project: "shop" } },
  });
  const settled = (count: number) => expect.poll(() => pools.length).toBe(count);
  const read = () => client.getQueryData(queryKeys.pools);

  pools[0]?.("first");
  await expect.poll(read).toBe("first");
  overlap.apply([changed]);
  await settled(2);
  overlap.apply([changed]);
  overlap.apply([changed]);
  await settled(2);
  pools[1]?.("second");
  await expect.poll(read).toBe("second");
  await settled(3);
  pools[2]?.("third");
  await expect.poll(read).toBe("third");
  await expect.poll(() => client.isFetching({ queryKey: queryKeys.pools })).toBe(0);
  expect(pools).toHaveLength(3);
  stopObserving();
});
