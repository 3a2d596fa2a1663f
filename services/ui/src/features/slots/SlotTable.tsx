import { Anchor } from "@mantine/core";
import { IconCircle, IconHourglass, IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { ExecutorStanding } from "../../gen/maestro/v1/executors_pb";
import { type Slot, type SlotPool, SlotState } from "../../gen/maestro/v1/slots_pb";
import table from "../../lib/components/DataTable.module.css";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { Remaining } from "../../lib/components/Remaining";
import { Tag, type Tone } from "../../lib/components/Tag";
import { shortId } from "../../lib/ids";
import { text } from "../../text";
import classes from "./PoolCard.module.css";
import { StandingTag } from "./StandingTag";

/** The slots that are not free, and how many are. */
export function SlotTable({ pool, labelledBy }: { pool: SlotPool; labelledBy: string }) {
  const held = pool.slots.filter((slot) => slot.state !== SlotState.FREE);
  const free = pool.slots.length - held.length;
  const words = text.slots.columns;
  if (held.length === 0) {
    return <p className={classes.free}>{text.slots.allFree(pool.size)}</p>;
  }
  return (
    <>
      <div className={table.scroll}>
        <table className={table.table} aria-labelledby={labelledBy}>
          <thead>
            <tr>
              <th scope="col" className={classes.slotColumn}>
                {words.slot}
              </th>
              <th scope="col">{words.state}</th>
              <th scope="col">{words.run}</th>
              <th scope="col" className={table.fromMedium}>
                {words.executor}
              </th>
              <th scope="col" className={table.number}>
                {words.since}
              </th>
              <th scope="col" className={`${table.number} ${table.fromMedium}`}>
                {words.until}
              </th>
              <th scope="col" className={`${table.number} ${table.fromWide}`}>
                {words.token}
              </th>
            </tr>
          </thead>
          <tbody>
            {held.map((slot) => (
              <SlotRow key={slot.number} slot={slot} />
            ))}
          </tbody>
        </table>
      </div>
      {free > 0 && <p className={classes.rest}>{text.slots.restFree(free)}</p>}
    </>
  );
}

function SlotRow({ slot }: { slot: Slot }) {
  const words = text.slots;
  return (
    <tr data-slot={slot.number}>
      <td>{slot.number}</td>
      <td>
        <SlotTag state={slot.state} />
      </td>
      <td>
        <Anchor component={Link} to={`/runs/${slot.runId}`} size="sm">
          {shortId(slot.runId)}
        </Anchor>
        <span className={table.beside}>
          {slot.trigger}
          {slot.attempt > 1 && ` · ${words.attempt(slot.attempt)}`}
        </span>
        <span className={table.narrowOnly}>
          <HolderName slot={slot} />
        </span>
      </td>
      <td className={table.fromMedium}>
        <Holder slot={slot} />
      </td>
      <td className={`${table.number} ${table.quiet}`}>
        <RelativeTime at={slot.leasedAt} />
      </td>
      <td className={`${table.number} ${table.quiet} ${table.fromMedium}`}>
        {slot.state === SlotState.RELEASING ? words.untilSeen : <Remaining until={slot.until} />}
      </td>
      <td className={`${table.number} ${table.quiet} ${table.fromWide}`}>{String(slot.token)}</td>
    </tr>
  );
}

/** Who looks after the execution, and where it is. */
function Holder({ slot }: { slot: Slot }) {
  const where = [slot.place?.pod, slot.place?.node].filter(Boolean).join(" · ");
  return (
    <>
      <HolderName slot={slot} />
      {where && <span className={table.second}>{where}</span>}
    </>
  );
}

function HolderName({ slot }: { slot: Slot }) {
  const words = text.slots;
  if (!slot.executorId) return <span className={table.quiet}>{words.unclaimed}</span>;
  return (
    <span className={classes.holder}>
      <span className={table.mono} title={slot.executorId}>
        {shortId(slot.executorId)}
      </span>
      {slot.executorStanding !== ExecutorStanding.PRESENT && (
        <StandingTag standing={slot.executorStanding} />
      )}
      {slot.moved && <Tag tone="info">{words.moved}</Tag>}
    </span>
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
