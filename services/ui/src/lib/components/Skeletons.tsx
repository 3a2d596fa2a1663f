import { Skeleton, VisuallyHidden } from "@mantine/core";
import classes from "./states.module.css";

/** Grey bars in place of rows that are on their way. */
export function RowsSkeleton({ rows = 8, label }: { rows?: number; label: string }) {
  return (
    <div role="status" aria-busy="true" className={classes.bars}>
      <VisuallyHidden>{label}</VisuallyHidden>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: bars are all alike
        <Skeleton key={row} height={26} radius="sm" />
      ))}
    </div>
  );
}

/** The whole page before the session is known. */
export function PageSkeleton({ label }: { label: string }) {
  return (
    <main className={classes.shell}>
      <RowsSkeleton label={label} rows={6} />
    </main>
  );
}
