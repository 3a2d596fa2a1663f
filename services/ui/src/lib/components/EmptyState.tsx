import { Code, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { CopyButton } from "./CopyButton";
import classes from "./states.module.css";

interface Props {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  /** A command that brings something here. */
  command?: string;
}

/** Says why there is nothing and what to do next. */
export function EmptyState({ icon, title, children, command }: Props) {
  return (
    <Stack align="center" gap="xs" className={classes.empty}>
      <span className={classes.emptyIcon} aria-hidden>
        {icon}
      </span>
      <Title order={2} size="h5">
        {title}
      </Title>
      {children && (
        <Text size="sm" c="dimmed" ta="center" component="div">
          {children}
        </Text>
      )}
      {command && (
        <div className={classes.command}>
          <Code>{command}</Code>
          <CopyButton value={command} />
        </div>
      )}
    </Stack>
  );
}
