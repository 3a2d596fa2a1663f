import { Code } from "@connectrpc/connect";
import { Stack } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import { useParams } from "react-router";
import { EmptyState } from "../../lib/components/EmptyState";
import { ErrorState } from "../../lib/components/ErrorState";
import { RowsSkeleton } from "../../lib/components/Skeletons";
import { isCode } from "../../lib/errors";
import { text } from "../../text";
import { Attempts } from "./Attempts";
import { LogPanel } from "./log/LogPanel";
import { RunFacts } from "./RunFacts";
import { RunHeader } from "./RunHeader";
import classes from "./RunPage.module.css";
import { Timeline } from "./Timeline";
import { useRun } from "./useRun";

export function RunPage() {
  const { id = "" } = useParams();
  const query = useRun(id);
  const run = query.data?.run;
  if (query.isPending) return <RowsSkeleton label={text.run.loading} />;
  if (isCode(query.error, Code.NotFound)) {
    return (
      <EmptyState icon={<IconSearchOff size={22} />} title={text.run.notFound}>
        {text.run.notFoundHint}
      </EmptyState>
    );
  }
  if (!run) return <ErrorState error={query.error} onRetry={query.refetch} />;
  return (
    <Stack gap="lg">
      <RunHeader run={run} retries={query.data?.retryIds ?? []} />
      {query.isError && <ErrorState error={query.error} onRetry={query.refetch} />}
      <div className={classes.columns}>
        <div className={classes.main}>
          <Attempts attempts={query.data?.attempts ?? []} />
          <LogPanel key={run.id} run={run} />
        </div>
        <div className={classes.side}>
          <Timeline entries={query.data?.timeline ?? []} />
          <RunFacts run={run} />
        </div>
      </div>
    </Stack>
  );
}
