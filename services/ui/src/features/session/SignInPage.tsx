import { Alert, Code, List, Paper, Stack, Text, Title } from "@mantine/core";
import { IconAlertCircle } from "@tabler/icons-react";
import { Brand } from "../../app/Brand";
import { useDocumentTitle } from "../../lib/useDocumentTitle";
import { text } from "../../text";
import classes from "./SignInPage.module.css";
import { LoginError } from "./sessionApi";

export function SignInPage({ error }: { error?: unknown }) {
  useDocumentTitle(text.session.title);
  return (
    <main className={classes.page}>
      <Paper withBorder p="xl" radius="md" className={classes.card}>
        <Stack gap="md">
          <Brand />
          <Title order={1} size="h3">
            {text.session.title}
          </Title>
          {Boolean(error) && (
            <Alert
              color="red"
              role="alert"
              icon={<IconAlertCircle aria-hidden />}
              title={text.session.failed}
            >
              {error instanceof LoginError ? error.message : text.session.unreachable}
            </Alert>
          )}
          <Text size="sm">{text.session.explain}</Text>
          <List size="sm" spacing="xs">
            <List.Item>
              {text.session.printedAtStart} <Code>maestro up</Code>
            </List.Item>
            <List.Item>
              {text.session.printFresh} <Code>maestro login-link</Code>
            </List.Item>
          </List>
          <Text size="sm" c="dimmed">
            {text.session.once}
          </Text>
        </Stack>
      </Paper>
    </main>
  );
}
