import { Stack } from "@mantine/core";
import { IconStack2 } from "@tabler/icons-react";
import { EmptyState } from "../../lib/components/EmptyState";
import { ErrorState } from "../../lib/components/ErrorState";
import { PageHeader } from "../../lib/components/PageHeader";
import { RowsSkeleton } from "../../lib/components/Skeletons";
import { text } from "../../text";
import { ExecutorsPanel } from "./ExecutorsPanel";
import { PoolCard } from "./PoolCard";
import { usePools } from "./usePools";

export function SlotsPage() {
  return (
    <>
      <PageHeader title={text.slots.title} />
      <Stack gap="xl">
        <Pools />
        <ExecutorsPanel />
      </Stack>
    </>
  );
}

function Pools() {
  const { data, error, isPending, refetch } = usePools();
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
    <Stack gap="xl">
      {error && <ErrorState error={error} onRetry={refetch} />}
      {data.pools.map((pool) => (
        <PoolCard key={`${pool.project}/${pool.name}`} pool={pool} />
      ))}
    </Stack>
  );
}
