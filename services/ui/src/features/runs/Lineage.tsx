import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import { shortId } from "../../lib/ids";
import { text } from "../../text";

/** The ended run that this one repeats, and the runs that repeat this one. */
export function Lineage({ original, retries }: { original: string; retries: string[] }) {
  if (!original && retries.length === 0) return null;
  return (
    <Text size="sm" c="dimmed" component="div">
      {original && (
        <>
          {text.run.retryOf} <RunLink id={original} />
        </>
      )}
      {original && retries.length > 0 && " · "}
      {retries.length > 0 && text.run.retriedAs}{" "}
      {retries.map((id, index) => (
        <span key={id}>
          {index > 0 && ", "}
          <RunLink id={id} />
        </span>
      ))}
    </Text>
  );
}

function RunLink({ id }: { id: string }) {
  return (
    <Anchor component={Link} to={`/runs/${id}`} size="sm">
      {shortId(id)}
    </Anchor>
  );
}
