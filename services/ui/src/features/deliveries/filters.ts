import type { Delivery } from "../../gen/maestro/v1/deliveries_pb";
import { DeliveryOutcome } from "../../gen/maestro/v1/deliveries_pb";
import type { ListRules } from "../../lib/pages";

/** What the delivery list shows; empty fields do not restrict. */
export interface DeliveryFilters {
  outcome: DeliveryOutcome;
  event: string;
  repository: string;
  project: string;
}

export const outcomeSlugs: ReadonlyMap<DeliveryOutcome, string> = new Map([
  [DeliveryOutcome.ACCEPTED, "accepted"],
  [DeliveryOutcome.IGNORED, "ignored"],
  [DeliveryOutcome.PARKED, "parked"],
]);

/** Reads filters from the address bar; what it does not know it leaves out. */
export function parseDeliveryFilters(params: URLSearchParams): DeliveryFilters {
  const wanted = params.get("outcome");
  const outcome = [...outcomeSlugs].find(([, slug]) => slug === wanted)?.[0];
  return {
    outcome: outcome ?? DeliveryOutcome.UNSPECIFIED,
    event: (params.get("event") ?? "").trim(),
    repository: (params.get("repository") ?? "").trim(),
    project: (params.get("project") ?? "").trim(),
  };
}

/** The address bar's form of the filters, without the empty ones. */
export function deliveryFilterParams(filters: DeliveryFilters): URLSearchParams {
  const params = new URLSearchParams();
  const outcome = outcomeSlugs.get(filters.outcome);
  if (outcome) params.set("outcome", outcome);
  if (filters.event) params.set("event", filters.event);
  if (filters.repository) params.set("repository", filters.repository);
  if (filters.project) params.set("project", filters.project);
  return params;
}

export function isFiltered(filters: DeliveryFilters): boolean {
  return deliveryFilterParams(filters).size > 0;
}

/** One delivery across providers. */
export function deliveryKey(delivery: Delivery): string {
  return `${delivery.provider}/${delivery.id}`;
}

/** How live changes enter a list with these filters. */
export function deliveryListRules(filters: DeliveryFilters): ListRules<Delivery> {
  return {
    id: deliveryKey,
    revision: (delivery) => delivery.revision,
    order: (a, b) => Number(b.revision - a.revision),
    matches: (delivery) =>
      (filters.outcome === DeliveryOutcome.UNSPECIFIED || filters.outcome === delivery.outcome) &&
      (!filters.event || filters.event === delivery.event) &&
      (!filters.repository || filters.repository === delivery.repository) &&
      (!filters.project || filters.project === delivery.project),
  };
}
