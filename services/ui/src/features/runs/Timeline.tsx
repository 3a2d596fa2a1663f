import { Title } from "@mantine/core";
import type { TimelineEntry } from "../../gen/maestro/v1/runs_pb";
import { shortenIds } from "../../lib/ids";
import { formatAbsolute, formatClock, toMillis } from "../../lib/time";
import { text } from "../../text";
import classes from "./RunPage.module.css";

/** The run's story, oldest first; each event opens to its data. */
export function Timeline({ entries }: { entries: TimelineEntry[] }) {
  return (
    <section aria-labelledby="timeline-title">
      <Title order={2} size="h5" id="timeline-title" mb="xs">
        {text.run.timeline}
      </Title>
      <ol className={classes.timeline}>
        {entries.map((entry) => (
          <li key={`${entry.revision}-${entry.index}`}>
            <Entry entry={entry} />
          </li>
        ))}
      </ol>
    </section>
  );
}

function Entry({ entry }: { entry: TimelineEntry }) {
  const at = toMillis(entry.at);
  return (
    <details className={classes.entry}>
      <summary>
        {at !== undefined && (
          <time
            className={classes.entryTime}
            dateTime={new Date(at).toISOString()}
            title={formatAbsolute(at)}
          >
            {formatClock(at)}
          </time>
        )}
        <span title={entry.summary}>{shortenIds(entry.summary)}</span>
      </summary>
      <div className={classes.entryData}>
        <div className={classes.entryMeta}>
          <span>{entry.type}</span>
          <span title={entry.actor}>{text.run.by(shortenIds(entry.actor))}</span>
          <span>{text.run.revision(entry.revision)}</span>
        </div>
        <pre>{prettyJson(entry.dataJson)}</pre>
      </div>
    </details>
  );
}

/** Indented JSON, or the text as it is when it is none. */
export function prettyJson(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
