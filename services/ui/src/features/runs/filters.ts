import type { Run } from "../../gen/maestro/v1/runs_pb";
import { RunStatus } from "../../gen/maestro/v1/runs_pb";
import type { ListRules } from "../../lib/pages";
import { toMillis } from "../../lib/time";

/** What the run list shows; empty fields do not restrict. */
export interface RunFilters {
  statuses: RunStatus[];
  project: string;
  repository: string;
  trigger: string;
  deliveryId: string;
}

export const noRunFilters: RunFilters = {
  statuses: [],
  project: "",
  repository: "",
  trigger: "",
  deliveryId: "",
};

/** Names of the statuses in the address bar, in the order of a run's life. */
export const statusSlugs: ReadonlyMap<RunStatus, string> = new Map([
  [RunStatus.PENDING, "pending"],
  [RunStatus.DISPATCHED, "dispatched"],
  [RunStatus.RUNNING, "running"],
  [RunStatus.SUCCEEDED, "succeeded"],
  [RunStatus.FAILED, "failed"],
  [RunStatus.CANCELED, "canceled"],
]);

/** Reads filters from the address bar; what it does not know it leaves out. */
export function parseRunFilters(params: URLSearchParams): RunFilters {
  const wanted = new Set((params.get("status") ?? "").split(","));
  return {
    statuses: [...statusSlugs].filter(([, slug]) => wanted.has(slug)).map(([status]) => status),
    project: read(params, "project"),
    repository: read(params, "repository"),
    trigger: read(params, "trigger"),
    deliveryId: read(params, "delivery"),
  };
}

/** The address bar's form of the filters, without the empty ones. */
export function runFilterParams(filters: RunFilters): URLSearchParams {
  const params = new URLSearchParams();
  const statuses = [...statusSlugs]
    .filter(([status]) => filters.statuses.includes(status))
    .map(([, slug]) => slug);
  if (statuses.length > 0) params.set("status", statuses.join(","));
  if (filters.project) params.set("project", filters.project);
  if (filters.repository) params.set("repository", filters.repository);
  if (filters.trigger) params.set("trigger", filters.trigger);
  if (filters.deliveryId) params.set("delivery", filters.deliveryId);
  return params;
}

export function isFiltered(filters: RunFilters): boolean {
  return runFilterParams(filters).size > 0;
}

/** How live changes enter a list with these filters. */
export function runListRules(filters: RunFilters): ListRules<Run> {
  return {
    id: (run) => run.id,
    revision: (run) => run.revision,
    order: newestFirst,
    matches: (run) =>
      (filters.statuses.length === 0 || filters.statuses.includes(run.status)) &&
      (!filters.project || filters.project === run.project) &&
      (!filters.repository || filters.repository === run.repository) &&
      (!filters.trigger || filters.trigger === run.trigger) &&
      (!filters.deliveryId || filters.deliveryId === run.deliveryId),
  };
}

function newestFirst(a: Run, b: Run): number {
  const difference = (toMillis(b.requestedAt) ?? 0) - (toMillis(a.requestedAt) ?? 0);
  if (difference !== 0) return difference;
  return a.id < b.id ? 1 : -1;
}

function read(params: URLSearchParams, name: string): string {
  return (params.get(name) ?? "").trim();
}
