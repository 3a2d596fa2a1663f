import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Tooltip } from "@mantine/core";
import { formatAbsolute, formatRemaining, toMillis } from "../time";
import { useTicking } from "../useTicking";

/** `in 5 m`, with the exact time on hover and focus. */
export function Remaining({ until }: { until: Timestamp | undefined }) {
  const millis = toMillis(until);
  const shown = useTicking(
    (now) => (millis === undefined ? "–" : formatRemaining(millis, now)),
    millis !== undefined,
  );
  if (millis === undefined) return <span>–</span>;
  return (
    <Tooltip label={formatAbsolute(millis)}>
      <time dateTime={new Date(millis).toISOString()}>{shown}</time>
    </Tooltip>
  );
}
