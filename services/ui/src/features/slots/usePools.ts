import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { SlotPool } from "../../gen/maestro/v1/slots_pb";
import { useApi } from "../../lib/api";
import { useCommandKey } from "../../lib/commandKey";
import { queryKeys } from "../../lib/queryKeys";

export function usePools() {
  const api = useApi();
  return useQuery({
    queryKey: queryKeys.pools,
    queryFn: ({ signal }) => api.slots.listSlots({}, { signal }),
  });
}

export function useExecutors() {
  const api = useApi();
  return useQuery({
    queryKey: queryKeys.executors,
    queryFn: ({ signal }) => api.slots.listExecutors({}, { signal }),
  });
}

/** Pauses or resumes a pool. */
export function usePausePool({ project, name: pool }: SlotPool) {
  const api = useApi();
  return usePoolCommand<{ reason: string; paused: boolean }>(({ reason, paused }, key) => {
    const request = { project, pool, reason, idempotencyKey: key };
    return paused ? api.slots.pausePool(request) : api.slots.resumePool(request);
  });
}

export function useResizePool({ project, name: pool }: SlotPool) {
  const api = useApi();
  return usePoolCommand<{ reason: string; size: number }>(({ reason, size }, key) =>
    api.slots.resizePool({ project, pool, reason, size, idempotencyKey: key }),
  );
}

/** A command, after which the pools are read at the revision of its decision. */
function usePoolCommand<Input>(
  send: (input: Input, idempotencyKey: string) => Promise<{ revision: bigint }>,
) {
  const api = useApi();
  const client = useQueryClient();
  const key = useCommandKey();
  return useMutation({
    mutationFn: async (input: Input) => {
      const { revision } = await send(input, key.of(input));
      return api.slots.listSlots({ read: { minRevision: revision } });
    },
    onSettled: (_, error) => key.settle(error),
    onSuccess: (answer) => client.setQueryData(queryKeys.pools, answer),
  });
}
