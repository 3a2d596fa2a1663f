import { Code } from "@connectrpc/connect";
import { Anchor, Breadcrumbs, Stack, Text, Title } from "@mantine/core";
import { IconSearchOff } from "@tabler/icons-react";
import { Link, useParams, useSearchParams } from "react-router";
import type { Delivery } from "../../gen/maestro/v1/deliveries_pb";
import { CopyButton } from "../../lib/components/CopyButton";
import { EmptyState } from "../../lib/components/EmptyState";
import { ErrorState } from "../../lib/components/ErrorState";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { RowsSkeleton } from "../../lib/components/Skeletons";
import { isCode } from "../../lib/errors";
import { shortId } from "../../lib/ids";
import { useDocumentTitle } from "../../lib/useDocumentTitle";
import { text } from "../../text";
import run from "../runs/RunPage.module.css";
import { DeliveryRuns } from "./DeliveryRuns";
import { OutcomeTag } from "./OutcomeTag";
import { useDelivery } from "./useDeliveries";
import { VerdictsTable } from "./VerdictsTable";
import { eventName } from "./words";

export function DeliveryPage() {
  const { id = "" } = useParams();
  const [params] = useSearchParams();
  const { data, error, isPending, refetch } = useDelivery(id, params.get("provider") ?? "github");
  if (isPending) return <RowsSkeleton label={text.delivery.loading} />;
  if (isCode(error, Code.NotFound)) {
    return (
      <EmptyState icon={<IconSearchOff size={22} />} title={text.delivery.notFound}>
        {text.delivery.notFoundHint}
      </EmptyState>
    );
  }
  if (!data?.delivery) return <ErrorState error={error} onRetry={refetch} />;
  return (
    <Stack gap="lg">
      <DeliveryHeader delivery={data.delivery} />
      <VerdictsTable verdicts={data.delivery.triggers} />
      <DeliveryRuns deliveryId={data.delivery.id} />
    </Stack>
  );
}

function DeliveryHeader({ delivery }: { delivery: Delivery }) {
  useDocumentTitle(`${eventName(delivery)} ${shortId(delivery.id)}`);
  return (
    <header>
      <Breadcrumbs mb="xs" fz="sm" aria-label={text.common.breadcrumbs}>
        <Anchor component={Link} to="/deliveries" size="sm">
          {text.deliveries.title}
        </Anchor>
        <Text size="sm" c="dimmed">
          {shortId(delivery.id)}
        </Text>
      </Breadcrumbs>
      <div className={run.title}>
        <Title order={1} size="h3">
          {eventName(delivery)}
        </Title>
        <OutcomeTag outcome={delivery.outcome} />
        <span className={run.id}>
          {shortId(delivery.id)}
          <CopyButton value={delivery.id} label={text.delivery.copyId} />
        </span>
      </div>
      <Text size="sm" c="dimmed" component="div">
        {delivery.repository || text.runs.noRepository}
        {delivery.sender && ` · ${text.delivery.by(delivery.sender)}`} · {text.delivery.received}{" "}
        <RelativeTime at={delivery.receivedAt} /> ·{" "}
        {text.delivery.position(delivery.streamSequence, delivery.revision)}
      </Text>
      <Text mt="sm">{delivery.explanation || delivery.reason}</Text>
    </header>
  );
}
