import { Button, Group, MultiSelect } from "@mantine/core";
import type { Run } from "../../gen/maestro/v1/runs_pb";
import { FilterField } from "../../lib/components/FilterField";
import fieldClasses from "../../lib/components/FilterField.module.css";
import { text } from "../../text";
import { isFiltered, noRunFilters, type RunFilters, statusSlugs } from "./filters";

interface Props {
  filters: RunFilters;
  /** Loaded runs, whose values the fields suggest. */
  runs: Run[];
  onChange: (filters: RunFilters) => void;
}

const statusOptions = [...statusSlugs.keys()].map((status) => ({
  value: String(status),
  label: text.runs.status[status],
}));

export function RunFilterBar({ filters, runs, onChange }: Props) {
  const words = text.runs.filters;
  return (
    <Group role="search" aria-label={words.label} gap="xs" mb="sm">
      <FilterField
        first
        label={words.repository}
        placeholder={words.repositoryHint}
        value={filters.repository}
        known={runs.map((run) => run.repository)}
        onCommit={(repository) => onChange({ ...filters, repository })}
      />
      <FilterField
        label={words.trigger}
        placeholder={words.triggerHint}
        value={filters.trigger}
        known={runs.map((run) => run.trigger)}
        onCommit={(trigger) => onChange({ ...filters, trigger })}
      />
      <FilterField
        label={words.project}
        placeholder={words.projectHint}
        value={filters.project}
        known={runs.map((run) => run.project)}
        onCommit={(project) => onChange({ ...filters, project })}
      />
      <MultiSelect
        className={fieldClasses.field}
        size="xs"
        aria-label={words.status}
        placeholder={filters.statuses.length === 0 ? words.anyStatus : undefined}
        data={statusOptions}
        value={filters.statuses.map(String)}
        onChange={(values) => onChange({ ...filters, statuses: values.map(Number) })}
      />
      {isFiltered(filters) && (
        <Button size="xs" variant="subtle" onClick={() => onChange(noRunFilters)}>
          {text.common.clearFilters}
        </Button>
      )}
    </Group>
  );
}
