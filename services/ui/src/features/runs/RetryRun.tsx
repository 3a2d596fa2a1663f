import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconRepeat } from "@tabler/icons-react";
import { useNavigate } from "react-router";
import { CommandDialog } from "../../lib/components/CommandDialog";
import { text } from "../../text";
import { useRetryRun } from "./useRun";

/** The retry button of an ended run, the question before it acts, and the way to the new run. */
export function RetryRun({ id }: { id: string }) {
  const [opened, dialog] = useDisclosure(false);
  const navigate = useNavigate();
  const retry = useRetryRun(id);
  const words = text.retry;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconRepeat size={14} aria-hidden />}
        onClick={dialog.open}
      >
        {words.open}
      </Button>
      <CommandDialog
        opened={opened}
        onClose={dialog.close}
        title={words.title}
        explain={words.explain}
        confirm={words.confirm}
        pending={retry.isPending}
        error={retry.error}
        onConfirm={(reason) =>
          retry.mutate(reason, {
            onSuccess: (runId) => {
              dialog.close();
              navigate(`/runs/${runId}`);
            },
          })
        }
      />
    </>
  );
}
