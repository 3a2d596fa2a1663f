import { Title } from "@mantine/core";
import { type Attempt, RunStatus } from "../../gen/maestro/v1/runs_pb";
import table from "../../lib/components/DataTable.module.css";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { Remaining } from "../../lib/components/Remaining";
import { shortId } from "../../lib/ids";
import { text } from "../../text";
import classes from "./Attempts.module.css";
import { explainReason } from "./explain";
import { RunDuration } from "./RunDuration";
import { StatusTag } from "./status";

/** Every start of the run: where it was, how it ended and whose fault that is. */
export function Attempts({ attempts }: { attempts: Attempt[] }) {
  if (attempts.length === 0) return null;
  const words = text.run.attempts;
  return (
    <section aria-labelledby="attempts-title">
      <Title order={2} size="h5" id="attempts-title" mb="xs">
        {words.title}
      </Title>
      <div className={table.scroll}>
        <table className={table.table} aria-labelledby="attempts-title">
          <thead>
            <tr>
              <th scope="col" className={classes.number}>
                {words.columns.number}
              </th>
              <th scope="col">{words.columns.status}</th>
              <th scope="col">{words.columns.why}</th>
              <th scope="col" className={`${table.number} ${table.fromMedium}`}>
                {words.columns.started}
              </th>
              <th scope="col" className={table.number}>
                {words.columns.took}
              </th>
            </tr>
          </thead>
          {attempts.map((attempt, index) => (
            <AttemptRows
              key={attempt.number}
              attempt={attempt}
              last={index === attempts.length - 1}
            />
          ))}
        </table>
      </div>
    </section>
  );
}

interface AttemptProps {
  attempt: Attempt;
  last: boolean;
}

function AttemptRows({ attempt, last }: AttemptProps) {
  const words = text.run.attempts;
  const told = attempt.place || attempt.executorId || attempt.detail;
  return (
    <tbody data-attempt={attempt.number} className={classes.attempt}>
      <tr>
        <td>{attempt.number}</td>
        <td>
          <StatusTag status={attempt.status} />
        </td>
        <td>
          <Why attempt={attempt} last={last} />
        </td>
        <td className={`${table.number} ${table.quiet} ${table.fromMedium}`}>
          {attempt.startedAt ? <RelativeTime at={attempt.startedAt} /> : words.notStarted}
        </td>
        <td className={`${table.number} ${table.quiet}`}>
          <RunDuration run={attempt} />
        </td>
      </tr>
      {told && (
        <tr>
          <td colSpan={5} className={classes.told}>
            <Where attempt={attempt} />
            {attempt.detail && <pre className={classes.detail}>{attempt.detail}</pre>}
          </td>
        </tr>
      )}
    </tbody>
  );
}

/** The typed reason, whose fault it is and when it goes on. */
function Why({ attempt, last }: AttemptProps) {
  const words = text.run.attempts;
  const ended = attempt.status === RunStatus.FAILED || attempt.status === RunStatus.CANCELED;
  if (!ended) return <span className={table.quiet}>–</span>;
  const fault = words.faults[attempt.fault];
  return (
    <>
      <span>{explainReason(attempt)}</span>
      <span className={table.second}>
        <code className={classes.reason}>{attempt.reason}</code>
        {fault && ` · ${fault}`}
        {last && attempt.retryAt && (
          <>
            {" · "}
            {words.nextAttempt} <Remaining until={attempt.retryAt} />
          </>
        )}
      </span>
    </>
  );
}

/** Who looks or looked after it, and where. */
function Where({ attempt: { place, executorId } }: { attempt: Attempt }) {
  const words = text.run.attempts;
  const all: [string, string][] = [
    [words.namespace, place?.namespace ?? ""],
    [words.job, place?.job ?? ""],
    [words.pod, place?.pod ?? ""],
    [words.node, place?.node ?? ""],
    [words.executor, shortId(executorId)],
  ];
  const known = all.filter(([, value]) => value !== "");
  if (known.length === 0) return null;
  return (
    <dl className={classes.where}>
      {known.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
