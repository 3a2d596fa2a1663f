import { text } from "../../text";

export interface Session {
  user: { id: string; name: string };
}

/** A refusal of the sign-in endpoint, with the words to show. */
export class LoginError extends Error {
  override name = "LoginError";
  readonly unauthorized: boolean;

  constructor(message: string, unauthorized: boolean) {
    super(message);
    this.unauthorized = unauthorized;
  }
}

/** Who is signed in; null without a session. */
export async function fetchSession(signal?: AbortSignal): Promise<Session | null> {
  const response = await fetch("/api/v1/session", { signal, cache: "no-store" });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(text.session.unexpected(response.status));
  return (await response.json()) as Session;
}

/** Exchanges a one-time code for a session cookie. */
export async function login(code: string): Promise<void> {
  const response = await fetch("/api/v1/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code }),
  });
  if (response.ok) return;
  if (response.status === 401) throw new LoginError(text.session.refused, true);
  throw new LoginError(text.session.unexpected(response.status), false);
}

export async function logout(): Promise<void> {
  const response = await fetch("/api/v1/logout", { method: "POST" });
  if (!response.ok && response.status !== 401) {
    throw new Error(text.session.unexpected(response.status));
  }
}
