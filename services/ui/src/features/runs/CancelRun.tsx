import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerStop } from "@tabler/icons-react";
import { useState } from "react";
import { ErrorState } from "../../lib/components/ErrorState";
import { text } from "../../text";
import { useCancelRun } from "./useRun";

/** The cancel button and the question before it acts. */
export function CancelRun({ id }: { id: string }) {
  const [opened, dialog] = useDisclosure(false);
  const [reason, setReason] = useState("");
  const cancel = useCancelRun(id);
  const words = text.cancel;
  const confirm = () => cancel.mutate(reason.trim(), { onSuccess: dialog.close });

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
      <Modal
        opened={opened}
        onClose={dialog.close}
        title={words.title}
        lockScroll={false}
        closeButtonProps={{ "aria-label": text.common.close }}
        centered
      >
        <form
          onSubmit={(event) => {
            event.preventDefault();
            confirm();
          }}
        >
          <Stack gap="md">
            <Text size="sm">{words.explain}</Text>
            <Textarea
              data-autofocus
              label={words.reason}
              description={words.reasonHint}
              rows={2}
              maxLength={500}
              value={reason}
              onChange={(event) => setReason(event.currentTarget.value)}
            />
            {cancel.isError && <ErrorState error={cancel.error} onRetry={confirm} />}
            <Group justify="flex-end" gap="xs">
              <Button size="sm" variant="default" onClick={dialog.close}>
                {words.keep}
              </Button>
              <Button size="sm" color="red" type="submit" loading={cancel.isPending}>
                {words.confirm}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
