import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Tooltip } from "@mantine/core";
import { formatAbsolute, formatRelative, toMillis } from "../time";
import { useTicking } from "../useTicking";

/** `5 m ago`, with the exact time on hover and focus. */
export function RelativeTime({ at }: { at: Timestamp | undefined }) {
  const millis = toMillis(at);
  const shown = useTicking(
    (now) => (millis === undefined ? "–" : formatRelative(millis, now)),
    millis !== undefined,
  );
  if (millis === undefined) return <span>–</span>;
  return (
    <Tooltip label={formatAbsolute(millis)}>
      <time dateTime={new Date(millis).toISOString()}>{shown}</time>
    </Tooltip>
  );
}
