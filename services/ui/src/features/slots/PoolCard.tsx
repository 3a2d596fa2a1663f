import { Group, Text, Title } from "@mantine/core";
import { IconPlayerPause } from "@tabler/icons-react";
import { type SlotPool, SlotState } from "../../gen/maestro/v1/slots_pb";
import { Tag } from "../../lib/components/Tag";
import { text } from "../../text";
import { PauseOrResume, Resize } from "./PoolActions";
import classes from "./PoolCard.module.css";
import { Queue } from "./Queue";
import { SlotTable } from "./SlotTable";

/** Up to so many slots each has its own part of the meter. */
const DRAWN = 60;

/** One pool: how full it is, who holds which slot since when, and who waits. */
export function PoolCard({ pool }: { pool: SlotPool }) {
  const titleId = `pool-${pool.project}-${pool.name}`;
  const used = pool.slots.filter((slot) => slot.state !== SlotState.FREE).length;
  return (
    <section aria-labelledby={titleId}>
      <Group justify="space-between" mb="xs" gap="xs">
        <Group gap="xs">
          <Title order={2} size="h5" id={titleId}>
            {pool.project} / {pool.name}
          </Title>
          {pool.paused && (
            <Tag tone="warn" icon={<IconPlayerPause size={13} />}>
              {text.slots.paused}
            </Tag>
          )}
          <Text size="sm" c="dimmed">
            {text.slots.used(used, pool.size)} · {text.slots.queued(pool.queued)}
          </Text>
        </Group>
        <Group gap="xs">
          <PauseOrResume pool={pool} />
          <Resize pool={pool} />
        </Group>
      </Group>
      <Meter pool={pool} />
      <SlotTable pool={pool} labelledBy={titleId} />
      <Queue pool={pool} />
    </section>
  );
}

function Meter({ pool }: { pool: SlotPool }) {
  if (pool.slots.length === 0 || pool.slots.length > DRAWN) return null;
  return (
    <div className={classes.meter} aria-hidden>
      {pool.slots.map((slot) => (
        <span key={slot.number} data-state={SlotState[slot.state].toLowerCase()} />
      ))}
    </div>
  );
}
