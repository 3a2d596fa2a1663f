import { Title } from "@mantine/core";
import type { Executor } from "../../gen/maestro/v1/executors_pb";
import { CopyButton } from "../../lib/components/CopyButton";
import table from "../../lib/components/DataTable.module.css";
import { ErrorState } from "../../lib/components/ErrorState";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { RowsSkeleton } from "../../lib/components/Skeletons";
import { shortId } from "../../lib/ids";
import { text } from "../../text";
import classes from "./PoolCard.module.css";
import { StandingTag } from "./StandingTag";
import { useExecutors } from "./usePools";

/** Who starts runs and looks after them. */
export function ExecutorsPanel() {
  return (
    <section aria-labelledby="executors-title">
      <Title order={2} size="h5" id="executors-title" mb="xs">
        {text.executors.title}
      </Title>
      <Executors />
    </section>
  );
}

function Executors() {
  const { data, error, isPending, refetch } = useExecutors();
  if (isPending) return <RowsSkeleton rows={2} label={text.executors.loading} />;
  if (!data) return <ErrorState error={error} onRetry={refetch} />;
  if (data.executors.length === 0) return <p className={classes.free}>{text.executors.empty}</p>;
  const words = text.executors.columns;
  return (
    <>
      {error && <ErrorState error={error} onRetry={refetch} />}
      <div className={table.scroll}>
        <table className={table.table} aria-labelledby="executors-title">
          <thead>
            <tr>
              <th scope="col">{words.executor}</th>
              <th scope="col">{words.standing}</th>
              <th scope="col" className={table.fromMedium}>
                {words.backend}
              </th>
              <th scope="col" className={table.fromWide}>
                {words.site}
              </th>
              <th scope="col" className={table.fromMedium}>
                {words.pools}
              </th>
              <th scope="col" className={table.number}>
                {words.leases}
              </th>
              <th scope="col" className={table.number}>
                {words.since}
              </th>
            </tr>
          </thead>
          <tbody>
            {data.executors.map((executor) => (
              <ExecutorRow key={executor.id} executor={executor} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function ExecutorRow({ executor }: { executor: Executor }) {
  return (
    <tr data-executor={executor.id}>
      <td>
        <span className={classes.holder}>
          <span className={table.mono}>{shortId(executor.id)}</span>
          <CopyButton value={executor.id} label={text.executors.copyId} />
        </span>
      </td>
      <td>
        <StandingTag standing={executor.standing} />
      </td>
      <td className={table.fromMedium}>{executor.backend || "–"}</td>
      <td className={`${table.fromWide} ${classes.site}`} title={executor.site}>
        {executor.site || "–"}
      </td>
      <td className={table.fromMedium}>{executor.pools.join(", ") || "–"}</td>
      <td className={table.number}>{executor.leases}</td>
      <td className={`${table.number} ${table.quiet}`}>
        <RelativeTime at={executor.since} />
      </td>
    </tr>
  );
}
