import { Link, useNavigate } from "react-router";
import type { Run } from "../../gen/maestro/v1/runs_pb";
import table from "../../lib/components/DataTable.module.css";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { shortId } from "../../lib/ids";
import { keyboardTarget } from "../../lib/useKeyboard";
import { text } from "../../text";
import { RunDuration } from "./RunDuration";
import { StatusTag } from "./status";
import { subject } from "./subject";

interface Props {
  runs: Run[];
  label: string;
  /** The rows belong to the previous filter and fresh ones are on their way. */
  stale?: boolean;
}

export function RunsTable({ runs, label, stale }: Props) {
  const words = text.runs.columns;
  return (
    <div className={table.scroll}>
      <table className={`${table.table} ${stale ? table.stale : ""}`} aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{words.status}</th>
            <th scope="col">{words.run}</th>
            <th scope="col" className={table.fromMedium}>
              {words.repository}
            </th>
            <th scope="col" className={table.fromMedium}>
              {words.sender}
            </th>
            <th scope="col" className={table.fromWide}>
              {words.project}
            </th>
            <th scope="col" className={`${table.number} ${table.fromWide}`}>
              {words.attempt}
            </th>
            <th scope="col" className={`${table.number} ${table.fromMedium}`}>
              {words.requested}
            </th>
            <th scope="col" className={table.number}>
              {words.duration}
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.id} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunRow({ run }: { run: Run }) {
  const navigate = useNavigate();
  const path = `/runs/${run.id}`;
  return (
    <tr
      className={table.row}
      data-run={run.id}
      onClick={(event) => {
        if (!(event.target as HTMLElement).closest("a")) navigate(path);
      }}
    >
      <td>
        <StatusTag status={run.status} />
      </td>
      <td>
        <Link to={path} className={table.link} {...keyboardTarget.row}>
          {run.trigger}
        </Link>
        <span className={`${table.beside} ${table.mono}`}>{shortId(run.id)}</span>
        <span className={`${table.second} ${table.narrowOnly}`}>
          {subject(run)} · <RelativeTime at={run.requestedAt} />
        </span>
      </td>
      <td className={table.fromMedium}>{subject(run)}</td>
      <td className={`${table.fromMedium} ${table.quiet}`}>{run.sender || "–"}</td>
      <td className={`${table.fromWide} ${table.quiet}`}>{run.project}</td>
      <td className={`${table.fromWide} ${table.number} ${table.quiet}`}>{run.attempt || "–"}</td>
      <td className={`${table.fromMedium} ${table.number} ${table.quiet}`}>
        <RelativeTime at={run.requestedAt} />
      </td>
      <td className={table.number}>
        <RunDuration run={run} />
      </td>
    </tr>
  );
}
