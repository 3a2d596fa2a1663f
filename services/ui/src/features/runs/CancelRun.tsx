import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerStop } from "@tabler/icons-react";
import { CommandDialog } from "../../lib/components/CommandDialog";
import { text } from "../../text";
import { useCancelRun } from "./useRun";

/** The cancel button and the question before it acts. */
export function CancelRun({ id }: { id: string }) {
  const [opened, dialog] = useDisclosure(false);
  const cancel = useCancelRun(id);
  const words = text.cancel;
  return (
    <>
      <Button
        size="xs"
        color="red"
        variant="outline"
        leftSection={<IconPlayerStop size={14} aria-hidden />}
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
        keep={words.keep}
        color="red"
        pending={cancel.isPending}
        error={cancel.error}
        onConfirm={(reason) => cancel.mutate(reason, { onSuccess: dialog.close })}
      />
    </>
  );
}
