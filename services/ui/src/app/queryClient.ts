import { Code } from "@connectrpc/connect";
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { isCode, isTransient } from "../lib/errors";
import { queryKeys } from "../lib/queryKeys";

/** The cache of what was read. A call without a session brings up the sign-in page. */
export function createQueryClient(): QueryClient {
  const onError = (error: unknown) => {
    if (isCode(error, Code.Unauthenticated)) client.setQueryData(queryKeys.session, null);
  };
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        // The watch stream keeps what is shown current and refetches after a gap.
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        structuralSharing: false,
        networkMode: "always",
        retry: (failures, error) => failures < 2 && isTransient(error),
      },
      mutations: { networkMode: "always" },
    },
  });
  return client;
}
