import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { Outlet } from "react-router";
import { ErrorState } from "../../lib/components/ErrorState";
import { PageSkeleton } from "../../lib/components/Skeletons";
import { queryKeys } from "../../lib/queryKeys";
import { text } from "../../text";
import { SignInPage } from "./SignInPage";
import { fetchSession, logout, type Session } from "./sessionApi";

const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession needs RequireSession above it");
  return session;
}

export function useSessionQuery() {
  return useQuery({
    queryKey: queryKeys.session,
    queryFn: ({ signal }) => fetchSession(signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Renders its routes with a session and the sign-in page without one. */
export function RequireSession() {
  const { data, error, isPending, refetch } = useSessionQuery();
  if (isPending) return <PageSkeleton label={text.session.loading} />;
  if (data) {
    return (
      <SessionContext value={data}>
        <Outlet />
      </SessionContext>
    );
  }
  if (error) return <ErrorState error={error} onRetry={refetch} page />;
  return <SignInPage />;
}

/** Ends the session and forgets everything that was read with it. */
export function useSignOut() {
  const client = useQueryClient();
  return async () => {
    await logout();
    client.setQueryData(queryKeys.session, null);
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== queryKeys.session[0] });
  };
}
