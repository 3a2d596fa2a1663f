import { Stack } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "../../lib/api";
import { EmptyState } from "../../lib/components/EmptyState";
import { ErrorState } from "../../lib/components/ErrorState";
import { PageHeader } from "../../lib/components/PageHeader";
import { RowsSkeleton } from "../../lib/components/Skeletons";
import { queryKeys } from "../../lib/queryKeys";
import { text } from "../../text";
import { PoolCard } from "./PoolCard";

export function SlotsPage() {
  return (
    <>
      <PageHeader title={text.slots.title} />
      <Pools />
    </>
  );
}

function Pools() {
  const api = useApi();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: queryKeys.slots,
    queryFn: ({ signal }) => api.slots.listSlots({}, { signal }),
  });
  if (isPending) return <RowsSkeleton rows={4} label={text.slots.loading} />;
  if (!data) return <ErrorState error={error} onRetry={refetch} />;
  if (data.pools.length === 0) {
    return (
      <EmptyState icon={<IconStack2 size={22} />} title={text.slots.empty}>
        {text.slots.emptyHint}
      </EmptyState>
    );
  }
  return (
    <Stack gap="lg">
      {error && <ErrorState error={error} onRetry={refetch} />}
      {data.pools.map((pool) => (
        <PoolCard key={`${pool.project}/${pool.name}`} pool={pool} />
      ))}
    </Stack>
  );
}
