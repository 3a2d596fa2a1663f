import { Button, NumberInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay, IconResize } from "@tabler/icons-react";
import { useState } from "react";
import type { SlotPool } from "../../gen/maestro/v1/slots_pb";
import { CommandDialog } from "../../lib/components/CommandDialog";
import { text } from "../../text";
import { usePausePool, useResizePool } from "./usePools";

/** Most slots a pool may have. */
const MOST = 10_000;

/** Stops a pool from starting anything, or lets it go on. */
export function PauseOrResume({ pool }: { pool: SlotPool }) {
  const [opened, dialog] = useDisclosure(false);
  const pause = usePausePool(pool);
  const words = pool.paused ? text.pool.resume : text.pool.pause;
  const Icon = pool.paused ? IconPlayerPlay : IconPlayerPause;
  const name = `${pool.project} / ${pool.name}`;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        leftSection={<Icon size={14} aria-hidden />}
        aria-label={`${words.open} ${name}`}
        onClick={dialog.open}
      >
        {words.open}
      </Button>
      <CommandDialog
        opened={opened}
        onClose={dialog.close}
        title={words.title(name)}
        explain={words.explain}
        confirm={words.confirm}
        pending={pause.isPending}
        error={pause.error}
        onConfirm={(reason) =>
          pause.mutate({ reason, paused: !pool.paused }, { onSuccess: dialog.close })
        }
      />
    </>
  );
}

/** Changes how many slots a pool has. */
export function Resize({ pool }: { pool: SlotPool }) {
  const [opened, dialog] = useDisclosure(false);
  const [size, setSize] = useState<number | string>(pool.size);
  const resize = useResizePool(pool);
  const words = text.pool.resize;
  const name = `${pool.project} / ${pool.name}`;
  const open = () => {
    setSize(pool.size);
    resize.reset();
    dialog.open();
  };
  return (
    <>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconResize size={14} aria-hidden />}
        aria-label={`${words.open} ${name}`}
        onClick={open}
      >
        {words.open}
      </Button>
      <CommandDialog
        opened={opened}
        onClose={dialog.close}
        title={words.title(name)}
        explain={words.explain}
        confirm={words.confirm}
        pending={resize.isPending}
        error={resize.error}
        onConfirm={(reason) =>
          resize.mutate({ reason, size: Number(size) }, { onSuccess: dialog.close })
        }
      >
        <NumberInput
          data-autofocus
          label={words.size}
          min={0}
          max={MOST}
          clampBehavior="blur"
          allowDecimal={false}
          allowNegative={false}
          required
          hideControls
          value={size}
          onChange={setSize}
        />
      </CommandDialog>
    </>
  );
}
