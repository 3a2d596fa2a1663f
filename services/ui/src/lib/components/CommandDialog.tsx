import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { text } from "../../text";
import { ErrorState } from "./ErrorState";

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  explain: string;
  /** The word on the button that acts. */
  confirm: string;
  /** The word on the button that does not. */
  keep?: string;
  color?: string;
  pending: boolean;
  error: unknown;
  /** Anything to enter beside the reason. */
  children?: ReactNode;
  onConfirm: (reason: string) => void;
}

/** The question before a command acts, with the reason that goes into the record. */
export function CommandDialog(props: Props) {
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.title}
      lockScroll={false}
      closeButtonProps={{ "aria-label": text.common.close }}
      centered
    >
      <Question {...props} />
    </Modal>
  );
}

function Question(props: Props) {
  const [reason, setReason] = useState("");
  const confirm = () => props.onConfirm(reason.trim());
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        confirm();
      }}
    >
      <Stack gap="md">
        <Text size="sm">{props.explain}</Text>
        {props.children}
        <Textarea
          data-autofocus={props.children ? undefined : true}
          label={text.command.reason}
          description={text.command.reasonHint}
          rows={2}
          maxLength={500}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        {Boolean(props.error) && <ErrorState error={props.error} onRetry={confirm} />}
        <Group justify="flex-end" gap="xs">
          <Button size="sm" variant="default" onClick={props.onClose}>
            {props.keep ?? text.command.keep}
          </Button>
          <Button size="sm" color={props.color} type="submit" loading={props.pending}>
            {props.confirm}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
