import { Button, Group, SegmentedControl, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { Run } from "../../../gen/maestro/v1/runs_pb";
import { CopyButton } from "../../../lib/components/CopyButton";
import { ErrorState } from "../../../lib/components/ErrorState";
import { text } from "../../../text";
import { stripAnsi } from "./ansi";
import classes from "./Log.module.css";
import { LogLines } from "./LogLines";
import { plainText } from "./logBuffer";
import { useRunLog } from "./useRunLog";

/** The output of a run's attempt: live while it runs, whole afterwards. */
export function LogPanel({ run }: { run: Run }) {
  const [chosen, setChosen] = useState<number>();
  const [retry, setRetry] = useState(0);
  const [follow, setFollow] = useState(true);
  const [wrap, setWrap] = useState(true);
  const attempt = chosen ?? run.attempt;
  const log = useRunLog(run.id, attempt, retry);
  const words = text.log;

  return (
    <section aria-labelledby="log-title">
      <Group justify="space-between" mb="xs" gap="xs">
        <Group gap="sm">
          <Title order={2} size="h5" id="log-title">
            {words.title}
          </Title>
          <Text size="xs" c="dimmed" role="status">
            {words.state[log.state]}
          </Text>
        </Group>
        <Group gap="xs">
          {run.attempt > 1 && (
            <SegmentedControl
              size="xs"
              aria-label={words.attempt}
              value={String(attempt)}
              onChange={(value) => setChosen(Number(value))}
              data={Array.from({ length: run.attempt }, (_, index) => ({
                value: String(index + 1),
                label: words.attemptNumber(index + 1),
              }))}
            />
          )}
          <Toggle label={words.follow} on={follow} onToggle={setFollow} />
          <Toggle label={words.wrap} on={wrap} onToggle={setWrap} />
          <CopyButton value={() => plainText(log.lines, stripAnsi)} label={words.copy} />
        </Group>
      </Group>
      {log.state === "failed" && (
        <ErrorState error={log.error} onRetry={() => setRetry((count) => count + 1)} />
      )}
      {log.dropped > 0 && (
        <Text size="xs" c="dimmed" mb={4}>
          {words.dropped(log.dropped)}
        </Text>
      )}
      {log.lines.length > 0 ? (
        <LogLines lines={log.lines} wrap={wrap} follow={follow} onFollow={setFollow} />
      ) : (
        log.state !== "failed" && (
          <p className={classes.nothing}>
            {words.nothing[log.state === "ended" ? "ended" : "live"]}
          </p>
        )
      )}
    </section>
  );
}

interface ToggleProps {
  label: string;
  on: boolean;
  onToggle: (on: boolean) => void;
}

function Toggle({ label, on, onToggle }: ToggleProps) {
  return (
    <Button
      size="compact-xs"
      variant={on ? "light" : "default"}
      aria-pressed={on}
      onClick={() => onToggle(!on)}
    >
      {label}
    </Button>
  );
}
