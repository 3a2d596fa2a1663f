import { ActionIcon, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { text } from "../../text";

interface Props {
  /** A function when the text is costly to build. */
  value: string | (() => string);
  /** What is copied, for those who do not see where the button stands. */
  label?: string;
}

export function CopyButton({ value, label = text.common.copy }: Props) {
  const clipboard = useClipboard({ timeout: 1500 });
  const shown = clipboard.copied ? text.common.copied : label;
  return (
    <Tooltip label={shown}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={shown}
        onClick={() => clipboard.copy(typeof value === "string" ? value : value())}
      >
        {clipboard.copied ? <IconCheck size={14} /> : <IconCopy size={14} />}
      </ActionIcon>
    </Tooltip>
  );
}
