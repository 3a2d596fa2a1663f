import type { DeliveryFilters } from "../features/deliveries/filters";
import type { RunFilters } from "../features/runs/filters";

/** Every key of the query cache, so that live changes and queries agree. */
export const queryKeys = {
  session: ["session"] as const,
  runLists: ["runs", "list"] as const,
  runList: (filters: RunFilters) => ["runs", "list", filters] as const,
  runDetails: ["runs", "detail"] as const,
  run: (id: string) => ["runs", "detail", id] as const,
  deliveryLists: ["deliveries", "list"] as const,
  deliveryList: (filters: DeliveryFilters) => ["deliveries", "list", filters] as const,
  delivery: (id: string, provider: string) => ["deliveries", "detail", id, provider] as const,
  /** Everything on the slots page. */
  slots: ["slots"] as const,
  pools: ["slots", "pools"] as const,
  executors: ["slots", "executors"] as const,
  system: ["system"] as const,
};
