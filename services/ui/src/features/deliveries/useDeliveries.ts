import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { Delivery } from "../../gen/maestro/v1/deliveries_pb";
import { useApi } from "../../lib/api";
import { flattenPages, type Page } from "../../lib/pages";
import { queryKeys } from "../../lib/queryKeys";
import { type DeliveryFilters, deliveryKey } from "./filters";

const PAGE_SIZE = 50;

/** The deliveries that match, newest first, kept current by the watch stream. */
export function useDeliveries(filters: DeliveryFilters) {
  const api = useApi();
  return useInfiniteQuery({
    queryKey: queryKeys.deliveryList(filters),
    initialPageParam: "",
    placeholderData: keepPreviousData,
    queryFn: async ({ pageParam, signal }): Promise<Page<Delivery>> => {
      const { deliveries, nextPageToken } = await api.deliveries.listDeliveries(
        { ...filters, page: { pageSize: PAGE_SIZE, pageToken: pageParam } },
        { signal },
      );
      return { items: deliveries, next: nextPageToken };
    },
    getNextPageParam: (page) => page.next || undefined,
    select: ({ pages }) => flattenPages(pages, deliveryKey),
  });
}

/** One delivery with every trigger that was considered. */
export function useDelivery(id: string, provider: string) {
  const api = useApi();
  return useQuery({
    queryKey: queryKeys.delivery(id, provider),
    queryFn: ({ signal }) => api.deliveries.getDelivery({ id, provider }, { signal }),
  });
}
