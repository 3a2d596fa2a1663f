import { type InfiniteData, notifyManager, type QueryClient } from "@tanstack/react-query";
import type { Delivery, GetDeliveryResponse } from "../../gen/maestro/v1/deliveries_pb";
import type { WatchResponse } from "../../gen/maestro/v1/live_pb";
import type { GetRunResponse, Run } from "../../gen/maestro/v1/runs_pb";
import { type ListRules, type Page, patchPages } from "../../lib/pages";
import { queryKeys } from "../../lib/queryKeys";
import { type DeliveryFilters, deliveryKey, deliveryListRules } from "../deliveries/filters";
import { type RunFilters, runListRules } from "../runs/filters";

/** Brings the query cache up to date with what the watch stream sent, in one render. */
export function applyChanges(client: QueryClient, messages: WatchResponse[]): void {
  const runs = new Map<string, Run>();
  const deliveries = new Map<string, Delivery>();
  let slots = false;
  let resync = false;
  for (const { change } of messages) {
    if (change.case === "run") runs.set(change.value.id, change.value);
    if (change.case === "delivery") deliveries.set(deliveryKey(change.value), change.value);
    slots ||= change.case === "slots";
    resync ||= change.case === "resync";
  }
  notifyManager.batch(() => {
    for (const run of runs.values()) applyRun(client, run);
    for (const delivery of deliveries.values()) applyDelivery(client, delivery);
    if (slots) refetchSlots(client);
    if (resync) refetchEverything(client);
  });
}

/**
 * Asks again for what the slots page shows. An answer under way is let finish, or a busy pool would
 * never show one; what it missed is asked for after it.
 */
function refetchSlots(client: QueryClient): void {
  client.invalidateQueries({ queryKey: queryKeys.slots }, { cancelRefetch: false });
}

/** Asks again for all that is shown; what is not shown is asked for when it is opened. */
export function refetchEverything(client: QueryClient): void {
  for (const queryKey of [["runs"], ["deliveries"], queryKeys.slots]) {
    client.invalidateQueries({ queryKey });
  }
}

function applyRun(client: QueryClient, run: Run): void {
  patchLists(client, queryKeys.runLists, run, (filters) => runListRules(filters as RunFilters));
  const key = queryKeys.run(run.id);
  client.setQueryData<GetRunResponse>(key, (known) =>
    known?.run && known.run.revision <= run.revision ? { ...known, run } : known,
  );
  // The timeline does not travel in the stream.
  client.invalidateQueries({ queryKey: key });
}

function applyDelivery(client: QueryClient, delivery: Delivery): void {
  patchLists(client, queryKeys.deliveryLists, delivery, (filters) =>
    deliveryListRules(filters as DeliveryFilters),
  );
  const key = queryKeys.delivery(delivery.id, delivery.provider);
  if (client.getQueryData<GetDeliveryResponse>(key)) client.invalidateQueries({ queryKey: key });
}

function patchLists<T>(
  client: QueryClient,
  prefix: readonly string[],
  item: T,
  rulesFor: (filters: unknown) => ListRules<T>,
): void {
  const lists = client.getQueriesData<InfiniteData<Page<T>, string>>({ queryKey: prefix });
  for (const [key, data] of lists) {
    if (!data) continue;
    const pages = patchPages(data.pages, item, rulesFor(key.at(-1)));
    if (pages !== data.pages) client.setQueryData(key, { ...data, pages });
  }
}
