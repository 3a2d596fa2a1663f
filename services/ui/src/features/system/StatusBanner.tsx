import { Alert, List } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "../../lib/api";
import { queryKeys } from "../../lib/queryKeys";
import { text } from "../../text";

const POLL_MS = 30_000;

/** Names what is wrong with the deployment, because then the lists may be out of date. */
export function StatusBanner() {
  const api = useApi();
  const { data } = useQuery({
    queryKey: queryKeys.system,
    queryFn: ({ signal }) => api.system.getStatus({}, { signal }),
    refetchInterval: POLL_MS,
    retry: false,
  });
  if (!data || data.ready) return null;
  const problems = [
    ...data.projections
      .filter((projection) => projection.stopped)
      .map((projection) => text.system.stopped(projection.name, projection.stopped)),
    ...data.components
      .filter((component) => !component.ok)
      .map((component) => text.system.component(component.name, component.detail)),
  ];
  return (
    <Alert
      mb="md"
      color="orange"
      role="status"
      icon={<IconAlertTriangle aria-hidden />}
      title={text.system.notReady}
    >
      <List size="sm">
        {problems.map((problem) => (
          <List.Item key={problem}>{problem}</List.Item>
        ))}
      </List>
    </Alert>
  );
}
