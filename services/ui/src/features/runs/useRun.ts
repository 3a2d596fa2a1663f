import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { useApi } from "../../lib/api";
import { randomKey } from "../../lib/ids";
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
  const key = useRef(randomKey());
  return useMutation({
    mutationFn: async (reason: string) => {
      const { revision } = await api.runs.cancelRun({ id, reason, idempotencyKey: key.current });
      return api.runs.getRun({ id, read: { minRevision: revision } });
    },
    onSuccess: (answer) => {
      key.current = randomKey();
      client.setQueryData(queryKeys.run(id), answer);
    },
  });
}
