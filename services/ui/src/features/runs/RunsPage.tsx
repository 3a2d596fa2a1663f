import { IconPlayerPlay, IconSearchOff } from "@tabler/icons-react";
import { useSearchParams } from "react-router";
import { EmptyState } from "../../lib/components/EmptyState";
import { ErrorState } from "../../lib/components/ErrorState";
import { LoadMore } from "../../lib/components/LoadMore";
import { PageHeader } from "../../lib/components/PageHeader";
import { RowsSkeleton } from "../../lib/components/Skeletons";
import { text } from "../../text";
import { isFiltered, parseRunFilters, type RunFilters, runFilterParams } from "./filters";
import { RunFilterBar } from "./RunFilterBar";
import { RunsTable } from "./RunsTable";
import { useRuns } from "./useRuns";

export function RunsPage() {
  const [params, setParams] = useSearchParams();
  const filters = parseRunFilters(params);
  const runs = useRuns(filters);
  return (
    <>
      <PageHeader title={text.runs.title} />
      <RunFilterBar
        filters={filters}
        runs={runs.data ?? []}
        onChange={(next) => setParams(runFilterParams(next), { replace: true })}
      />
      <RunsList runs={runs} filters={filters} />
    </>
  );
}

function RunsList({ runs, filters }: { runs: ReturnType<typeof useRuns>; filters: RunFilters }) {
  if (runs.isPending) return <RowsSkeleton label={text.runs.loading} />;
  if (runs.data === undefined || (runs.isError && runs.data.length === 0)) {
    return <ErrorState error={runs.error} onRetry={runs.refetch} />;
  }
  if (runs.data.length === 0) return <NoRuns filtered={isFiltered(filters)} />;
  return (
    <>
      {runs.isError && <ErrorState error={runs.error} onRetry={runs.refetch} />}
      <RunsTable runs={runs.data} label={text.runs.title} stale={runs.isPlaceholderData} />
      <LoadMore
        shown={runs.data.length}
        hasMore={runs.hasNextPage}
        loading={runs.isFetchingNextPage}
        onLoad={runs.fetchNextPage}
      />
    </>
  );
}

function NoRuns({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <EmptyState icon={<IconSearchOff size={22} />} title={text.runs.noMatch}>
        {text.runs.noMatchHint}
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon={<IconPlayerPlay size={22} />}
      title={text.runs.empty}
      command={text.runs.emptyCommand}
    >
      {text.runs.emptyHint}
    </EmptyState>
  );
}
