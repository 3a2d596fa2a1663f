import { Anchor, Group, Text, Title } from "@mantine/core";
import { IconCircle, IconHourglass, IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { type Slot, type SlotPool, SlotState } from "../../gen/maestro/v1/slots_pb";
import table from "../../lib/components/DataTable.module.css";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { Tag, type Tone } from "../../lib/components/Tag";
import { shortId } from "../../lib/ids";
import { text } from "../../text";
import classes from "./PoolCard.module.css";

/** One pool: how full it is, who waits, and who holds which slot since when. */
export function PoolCard({ pool }: { pool: SlotPool }) {
  const titleId = `pool-${pool.project}-${pool.name}`;
  const used = pool.slots.filter((slot) => slot.state !== SlotState.FREE).length;
  const words = text.slots.columns;
  return (
    <section aria-labelledby={titleId}>
      <Group justify="space-between" mb="xs" gap="xs">
        <Title order={2} size="h5" id={titleId}>
          {pool.project} / {pool.name}
        </Title>
        <Group gap="md">
          <Text size="sm" c="dimmed">
            {text.slots.used(used, pool.size)}
          </Text>
          <Text size="sm" c="dimmed">
            {text.slots.queued(pool.queued)}
          </Text>
        </Group>
      </Group>
      <div className={classes.meter} aria-hidden>
        {pool.slots.map((slot) => (
          <span key={slot.number} data-state={SlotState[slot.state].toLowerCase()} />
        ))}
      </div>
      <div className={table.scroll}>
        <table className={table.table} aria-labelledby={titleId}>
          <thead>
            <tr>
              <th scope="col" className={classes.slotColumn}>
                {words.slot}
              </th>
              <th scope="col">{words.state}</th>
              <th scope="col">{words.run}</th>
              <th scope="col" className={table.number}>
                {words.since}
              </th>
            </tr>
          </thead>
          <tbody>
            {pool.slots.map((slot) => (
              <SlotRow key={slot.number} slot={slot} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function SlotRow({ slot }: { slot: Slot }) {
  return (
    <tr data-slot={slot.number}>
      <td>{slot.number}</td>
      <td>
        <SlotTag state={slot.state} />
      </td>
      <td>
        {slot.runId ? (
          <Anchor component={Link} to={`/runs/${slot.runId}`} size="sm">
            {shortId(slot.runId)}
          </Anchor>
        ) : (
          <span className={table.quiet}>–</span>
        )}
      </td>
      <td className={`${table.number} ${table.quiet}`}>
        <RelativeTime at={slot.leasedAt} />
      </td>
    </tr>
  );
}

const looks: Record<SlotState, { tone: Tone; icon: ReactNode }> = {
  [SlotState.UNSPECIFIED]: { tone: "neutral", icon: <IconCircle size={13} /> },
  [SlotState.FREE]: { tone: "neutral", icon: <IconCircle size={13} /> },
  [SlotState.LEASED]: { tone: "active", icon: <IconLock size={13} /> },
  [SlotState.RELEASING]: { tone: "warn", icon: <IconHourglass size={13} /> },
};

function SlotTag({ state }: { state: SlotState }) {
  const look = looks[state] ?? looks[SlotState.UNSPECIFIED];
  return (
    <Tag tone={look.tone} icon={look.icon}>
      {text.slots.state[state] ?? text.slots.state[SlotState.UNSPECIFIED]}
    </Tag>
  );
}
