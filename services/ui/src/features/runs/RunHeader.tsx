import { Alert, Anchor, Breadcrumbs, Group, Text, Title, VisuallyHidden } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { Link } from "react-router";
import { type Run, RunStatus } from "../../gen/maestro/v1/runs_pb";
import { CopyButton } from "../../lib/components/CopyButton";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { Tag } from "../../lib/components/Tag";
import { shortId } from "../../lib/ids";
import { useDocumentTitle } from "../../lib/useDocumentTitle";
import { text } from "../../text";
import { CancelRun } from "./CancelRun";
import { explainEnd } from "./explain";
import { Lineage } from "./Lineage";
import { RetryRun } from "./RetryRun";
import { RunDuration } from "./RunDuration";
import classes from "./RunPage.module.css";
import { isTerminal, StatusTag } from "./status";
import { subject } from "./subject";

/** What the run is, how it stands, and the way to end it. */
export function RunHeader({ run, retries }: { run: Run; retries: string[] }) {
  useDocumentTitle(`${run.trigger} ${shortId(run.id)}`);
  const live = !isTerminal(run.status);
  return (
    <header>
      <Breadcrumbs mb="xs" fz="sm" aria-label={text.common.breadcrumbs}>
        <Anchor component={Link} to="/runs" size="sm">
          {text.runs.title}
        </Anchor>
        <Text size="sm" c="dimmed">
          {shortId(run.id)}
        </Text>
      </Breadcrumbs>
      <Group justify="space-between" gap="sm" mb={4}>
        <div className={classes.title}>
          <Title order={1} size="h3">
            {run.trigger}
          </Title>
          <StatusTag status={run.status} />
          {live && run.cancelRequested && <Tag tone="warn">{text.run.cancelRequested}</Tag>}
          <span className={classes.id}>
            {shortId(run.id)}
            <CopyButton value={run.id} label={text.run.copyId} />
          </span>
        </div>
        {live && !run.cancelRequested && <CancelRun id={run.id} />}
        {!live && <RetryRun key={run.id} id={run.id} />}
      </Group>
      <Text size="sm" c="dimmed" component="div">
        {subject(run)} · {text.run.requested} <RelativeTime at={run.requestedAt} /> ·{" "}
        <RunDuration run={run} />
      </Text>
      <Lineage original={run.retryOf} retries={retries} />
      <VisuallyHidden role="status">
        {text.run.announce(text.runs.status[run.status])}
      </VisuallyHidden>
      <EndNote run={run} />
    </header>
  );
}

function EndNote({ run }: { run: Run }) {
  const note = explainEnd(run);
  if (!note) return null;
  return (
    <Alert
      mt="sm"
      p="sm"
      color={run.status === RunStatus.FAILED ? "red" : "orange"}
      icon={<IconInfoCircle aria-hidden />}
      title={note.what}
    >
      {note.whose}
      {run.detail && <pre className={classes.said}>{run.detail}</pre>}
    </Alert>
  );
}
