import { Title } from "@mantine/core";
import { text } from "../../text";
import { noRunFilters } from "../runs/filters";
import { RunsTable } from "../runs/RunsTable";
import { useRuns } from "../runs/useRuns";

/** The runs a delivery asked for, live. Nothing when it asked for none. */
export function DeliveryRuns({ deliveryId }: { deliveryId: string }) {
  const runs = useRuns({ ...noRunFilters, deliveryId });
  if (!runs.data || runs.data.length === 0) return null;
  return (
    <section aria-labelledby="delivery-runs-title">
      <Title order={2} size="h5" id="delivery-runs-title" mb="xs">
        {text.delivery.runs}
      </Title>
      <RunsTable runs={runs.data} label={text.delivery.runs} />
    </section>
  );
}
