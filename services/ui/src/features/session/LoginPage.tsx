import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Navigate, useNavigate } from "react-router";
import { PageSkeleton } from "../../lib/components/Skeletons";
import { text } from "../../text";
import { takeLoginCode } from "./loginCode";
import { useSessionQuery } from "./SessionProvider";
import { SignInPage } from "./SignInPage";
import { login } from "./sessionApi";

/** `/login`: exchanges the code of the link, or says where to find a link. */
export function LoginPage({ initialCode }: { initialCode: string | null }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const session = useSessionQuery();
  const [code, setCode] = useState(initialCode);
  const [error, setError] = useState<unknown>(null);
  const posted = useRef<string | null>(null);

  // A link pasted into this very tab changes the fragment only.
  useEffect(() => {
    const take = () => setCode(takeLoginCode(window.location, window.history));
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, []);

  useEffect(() => {
    if (!code || posted.current === code) return;
    posted.current = code;
    setError(null);
    login(code)
      .then(async () => {
        await client.resetQueries();
        navigate("/runs", { replace: true });
      })
      .catch((reason: unknown) => {
        setCode(null);
        setError(reason);
      });
  }, [code, client, navigate]);

  if (code) return <PageSkeleton label={text.session.signingIn} />;
  if (session.data && !error) return <Navigate to="/runs" replace />;
  return <SignInPage error={error} />;
}
