import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useApi } from "../../lib/api";
import { useCommandKey } from "../../lib/commandKey";
import { queryKeys } from "../../lib/queryKeys";

/** One run with its timeline, kept current by the watch stream. */
export function useRun(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: queryKeys.run(id),
    queryFn: ({ signal }) => api.runs.getRun({ id }, { signal }),
  });
}

/**
 * Asks a run to end and then reads it at the revision of that decision, so that the page shows it.
 * Trying again after a failure is the same command.
 */
export function useCancelRun(id: string) {
  const api = useApi();
  const client = useQueryClient();
  const key = useCommandKey();
  return useMutation({
    mutationFn: async (reason: string) => {
      const idempotencyKey = key.of(reason);
      const { revision } = await api.runs.cancelRun({ id, reason, idempotencyKey });
      return api.runs.getRun({ id, read: { minRevision: revision } });
    },
    onSettled: (_, error) => key.settle(error),
    onSuccess: (answer) => client.setQueryData(queryKeys.run(id), answer),
  });
}

/** Repeats an ended run; gives the new run's id once it can be read. */
export function useRetryRun(id: string) {
  const api = useApi();
  const client = useQueryClient();
  const key = useCommandKey();
  return useMutation({
    mutationFn: async (reason: string) => {
      const idempotencyKey = key.of(reason);
      const { revision, runId } = await api.runs.retryRun({ id, reason, idempotencyKey });
      const answer = await api.runs.getRun({ id: runId, read: { minRevision: revision } });
      client.setQueryData(queryKeys.run(runId), answer);
      return runId;
    },
    onSettled: (_, error) => key.settle(error),
    onSuccess: () => client.invalidateQueries({ queryKey: queryKeys.run(id) }),
  });
}
