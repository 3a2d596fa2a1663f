import { Anchor, Title } from "@mantine/core";
import { Link } from "react-router";
import type { SlotPool } from "../../gen/maestro/v1/slots_pb";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { shortId } from "../../lib/ids";
import { text } from "../../text";
import classes from "./PoolCard.module.css";

/** The runs that wait for a slot, oldest first. */
export function Queue({ pool }: { pool: SlotPool }) {
  if (pool.queued === 0) return null;
  const titleId = `queue-${pool.project}-${pool.name}`;
  const hidden = pool.queued - pool.queue.length;
  return (
    <div className={classes.queue}>
      <Title order={3} size="h6" id={titleId}>
        {text.slots.queue}
      </Title>
      <ol aria-labelledby={titleId}>
        {pool.queue.map((queued) => (
          <li key={queued.runId}>
            <Anchor component={Link} to={`/runs/${queued.runId}`} size="sm">
              {shortId(queued.runId)}
            </Anchor>
            <span className={classes.trigger}>
              {queued.trigger}
              {queued.attempt > 1 && ` · ${text.slots.attempt(queued.attempt)}`}
            </span>
            <span className={classes.age}>
              <RelativeTime at={queued.waitingSince} />
            </span>
          </li>
        ))}
      </ol>
      {hidden > 0 && <p className={classes.rest}>{text.slots.more(hidden)}</p>}
    </div>
  );
}
