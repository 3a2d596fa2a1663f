import { Group, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useDocumentTitle } from "../useDocumentTitle";

/** A page's heading and what stands beside it. */
export function PageHeader({ title, children }: { title: string; children?: ReactNode }) {
  useDocumentTitle(title);
  return (
    <Group justify="space-between" align="center" mb="sm" wrap="wrap" gap="sm">
      <Title order={1} size="h3">
        {title}
      </Title>
      {children}
    </Group>
  );
}
