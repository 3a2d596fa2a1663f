import { Button, Group, SegmentedControl } from "@mantine/core";
import { type Delivery, DeliveryOutcome } from "../../gen/maestro/v1/deliveries_pb";
import { FilterField } from "../../lib/components/FilterField";
import { text } from "../../text";
import { type DeliveryFilters, isFiltered, outcomeSlugs } from "./filters";

interface Props {
  filters: DeliveryFilters;
  /** Loaded deliveries, whose values the fields suggest. */
  deliveries: Delivery[];
  onChange: (filters: DeliveryFilters) => void;
}

const outcomes = [
  { value: String(DeliveryOutcome.UNSPECIFIED), label: text.deliveries.filters.anyOutcome },
  ...[...outcomeSlugs.keys()].map((outcome) => ({
    value: String(outcome),
    label: text.deliveries.outcome[outcome],
  })),
];

export function DeliveryFilterBar({ filters, deliveries, onChange }: Props) {
  const words = text.deliveries.filters;
  return (
    <Group role="search" aria-label={words.label} gap="xs" mb="sm">
      <FilterField
        first
        label={words.repository}
        placeholder={words.repositoryHint}
        value={filters.repository}
        known={deliveries.map((delivery) => delivery.repository)}
        onCommit={(repository) => onChange({ ...filters, repository })}
      />
      <FilterField
        label={words.event}
        placeholder={words.eventHint}
        value={filters.event}
        known={deliveries.map((delivery) => delivery.event)}
        onCommit={(event) => onChange({ ...filters, event })}
      />
      <FilterField
        label={words.project}
        placeholder={words.projectHint}
        value={filters.project}
        known={deliveries.map((delivery) => delivery.project)}
        onCommit={(project) => onChange({ ...filters, project })}
      />
      <SegmentedControl
        size="xs"
        aria-label={words.outcome}
        data={outcomes}
        value={String(filters.outcome)}
        onChange={(value) => onChange({ ...filters, outcome: Number(value) })}
      />
      {isFiltered(filters) && (
        <Button
          size="xs"
          variant="subtle"
          onClick={() =>
            onChange({
              outcome: DeliveryOutcome.UNSPECIFIED,
              event: "",
              repository: "",
              project: "",
            })
          }
        >
          {text.common.clearFilters}
        </Button>
      )}
    </Group>
  );
}
