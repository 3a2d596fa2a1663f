import { Anchor, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Run } from "../../gen/maestro/v1/runs_pb";
import { CopyButton } from "../../lib/components/CopyButton";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { shortId } from "../../lib/ids";
import { formatDuration, toMillis } from "../../lib/time";
import { text } from "../../text";
import { RunDuration } from "./RunDuration";
import classes from "./RunPage.module.css";
import { subject } from "./subject";

/** Everything known about a run beside its story. */
export function RunFacts({ run }: { run: Run }) {
  const words = text.run.facts;
  const facts: [string, ReactNode][] = [
    [words.project, run.project],
    [words.template, run.name],
    [words.event, run.event],
    [words.repository, subject(run)],
    [words.sender, run.sender],
    [words.delivery, <DeliveryLink key="delivery" id={run.deliveryId} />],
    [words.attempt, run.attempt > 0 && run.attempt],
    [words.pool, run.pool && text.run.slot(run.pool, run.slot)],
    [words.exitCode, run.exitCode],
    [words.reason, run.reason],
    [words.requested, <RelativeTime key="requested" at={run.requestedAt} />],
    [words.waited, waited(run)],
    [words.ran, run.startedAt && <RunDuration run={run} />],
    [words.trace, run.traceId && <Copyable value={run.traceId} label={text.run.copyTrace} />],
  ];
  return (
    <section aria-labelledby="facts-title">
      <Title order={2} size="h5" id="facts-title" mb="xs">
        {text.run.factsTitle}
      </Title>
      <dl className={classes.facts}>
        {facts.map(
          ([name, value]) =>
            isKnown(value) && [<dt key={name}>{name}</dt>, <dd key={`${name}-value`}>{value}</dd>],
        )}
      </dl>
    </section>
  );
}

function isKnown(value: ReactNode): boolean {
  return value !== "" && value !== undefined && value !== null && value !== false;
}

/** Time between the request and the start of the process. */
function waited(run: Run): string | undefined {
  const requested = toMillis(run.requestedAt);
  const started = toMillis(run.startedAt);
  if (requested === undefined || started === undefined) return undefined;
  return formatDuration(started - requested);
}

function DeliveryLink({ id }: { id: string }) {
  return (
    <Anchor component={Link} to={`/deliveries/${id}`} size="sm">
      {shortId(id)}
    </Anchor>
  );
}

function Copyable({ value, label }: { value: string; label: string }) {
  return (
    <>
      <span className={classes.id}>{value.slice(0, 16)}…</span>
      <CopyButton value={value} label={label} />
    </>
  );
}
