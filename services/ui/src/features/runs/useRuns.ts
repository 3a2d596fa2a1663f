import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import type { Run } from "../../gen/maestro/v1/runs_pb";
import { useApi } from "../../lib/api";
import { flattenPages, type Page } from "../../lib/pages";
import { queryKeys } from "../../lib/queryKeys";
import type { RunFilters } from "./filters";

const PAGE_SIZE = 50;

/** The runs that match, newest first, kept current by the watch stream. */
export function useRuns(filters: RunFilters) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: queryKeys.runList(filters),
    initialPageParam: "",
    placeholderData: keepPreviousData,
    queryFn: async ({ pageParam, signal }): Promise<Page<Run>> => {
      const { runs, nextPageToken } = await api.runs.listRuns(
        { ...filters, page: { pageSize: PAGE_SIZE, pageToken: pageParam } },
        { signal },
      );
      return { items: runs, next: nextPageToken };
    },
    getNextPageParam: (page) => page.next || undefined,
    select: ({ pages }) => flattenPages(pages, (run) => run.id),
  });
}
