import { Anchor } from "@mantine/core";
import { IconMap2 } from "@tabler/icons-react";
import { Link, useRouteError } from "react-router";
import { EmptyState } from "../lib/components/EmptyState";
import { ErrorState } from "../lib/components/ErrorState";
import { text } from "../text";

/** Shown in place of a page that threw while rendering. */
export function RouteError() {
  return <ErrorState error={useRouteError()} onRetry={() => window.location.reload()} page />;
}

export function NotFoundPage() {
  return (
    <EmptyState icon={<IconMap2 size={22} />} title={text.shell.notFound}>
      {text.shell.notFoundHint}{" "}
      <Anchor component={Link} to="/runs" size="sm">
        {text.runs.title}
      </Anchor>
    </EmptyState>
  );
}
