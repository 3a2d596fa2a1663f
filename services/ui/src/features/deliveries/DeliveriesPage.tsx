import { IconInbox, IconSearchOff } from "@tabler/icons-react";
import { useSearchParams } from "react-router";
import { EmptyState } from "../../lib/components/EmptyState";
import { ErrorState } from "../../lib/components/ErrorState";
import { LoadMore } from "../../lib/components/LoadMore";
import { PageHeader } from "../../lib/components/PageHeader";
import { RowsSkeleton } from "../../lib/components/Skeletons";
import { text } from "../../text";
import { DeliveriesTable } from "./DeliveriesTable";
import { DeliveryFilterBar } from "./DeliveryFilterBar";
import { deliveryFilterParams, isFiltered, parseDeliveryFilters } from "./filters";
import { useDeliveries } from "./useDeliveries";

export function DeliveriesPage() {
  const [params, setParams] = useSearchParams();
  const filters = parseDeliveryFilters(params);
  const deliveries = useDeliveries(filters);
  return (
    <>
      <PageHeader title={text.deliveries.title} />
      <DeliveryFilterBar
        filters={filters}
        deliveries={deliveries.data ?? []}
        onChange={(next) => setParams(deliveryFilterParams(next), { replace: true })}
      />
      <DeliveriesList deliveries={deliveries} filtered={isFiltered(filters)} />
    </>
  );
}

interface ListProps {
  deliveries: ReturnType<typeof useDeliveries>;
  filtered: boolean;
}

function DeliveriesList({ deliveries, filtered }: ListProps) {
  const { data, error, isError, isPending, refetch } = deliveries;
  if (isPending) return <RowsSkeleton label={text.deliveries.loading} />;
  if (data === undefined || (isError && data.length === 0)) {
    return <ErrorState error={error} onRetry={refetch} />;
  }
  if (data.length === 0) return <NoDeliveries filtered={filtered} />;
  return (
    <>
      {isError && <ErrorState error={error} onRetry={refetch} />}
      <DeliveriesTable deliveries={data} stale={deliveries.isPlaceholderData} />
      <LoadMore
        shown={data.length}
        hasMore={deliveries.hasNextPage}
        loading={deliveries.isFetchingNextPage}
        onLoad={deliveries.fetchNextPage}
      />
    </>
  );
}

function NoDeliveries({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <EmptyState icon={<IconSearchOff size={22} />} title={text.deliveries.noMatch}>
        {text.deliveries.noMatchHint}
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<IconInbox size={22} />}
      title={text.deliveries.empty}
      command={text.runs.emptyCommand}
    >
      {text.deliveries.emptyHint}
    </EmptyState>
  );
}
