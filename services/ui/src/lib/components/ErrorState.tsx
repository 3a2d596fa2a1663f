import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertCircle, IconRefresh } from "@tabler/icons-react";
import { text } from "../../text";
import { describeError } from "../errors";
import classes from "./states.module.css";

interface Props {
  error: unknown;
  onRetry: () => unknown;
  /** Fills the page, when there is nothing else to show. */
  page?: boolean;
}

/** Says what failed and offers to try again. */
export function ErrorState({ error, onRetry, page }: Props) {
  const { title, detail } = describeError(error);
  return (
    <div className={page ? classes.page : undefined}>
      <Alert color="red" role="alert" icon={<IconAlertCircle aria-hidden />} title={title}>
        <Group justify="space-between" align="end">
          <Text size="sm" className={classes.detail}>
            {detail}
          </Text>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconRefresh size={14} aria-hidden />}
            onClick={() => onRetry()}
          >
            {text.common.retry}
          </Button>
        </Group>
      </Alert>
    </div>
  );
}
