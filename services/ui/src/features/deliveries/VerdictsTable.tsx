import { Anchor, Title } from "@mantine/core";
import { IconCircleCheck, IconCircleMinus } from "@tabler/icons-react";
import { Link } from "react-router";
import type { TriggerVerdict } from "../../gen/maestro/v1/deliveries_pb";
import table from "../../lib/components/DataTable.module.css";
import { Tag } from "../../lib/components/Tag";
import { shortId } from "../../lib/ids";
import { text } from "../../text";

/** Every trigger that was considered, and what came of it. */
export function VerdictsTable({ verdicts }: { verdicts: TriggerVerdict[] }) {
  const words = text.delivery.columns;
  return (
    <section aria-labelledby="verdicts-title">
      <Title order={2} size="h5" id="verdicts-title" mb="xs">
        {text.delivery.triggers}
      </Title>
      {verdicts.length === 0 ? (
        <p className={table.quiet}>{text.delivery.noTriggers}</p>
      ) : (
        <div className={table.scroll}>
          <table className={table.table} aria-labelledby="verdicts-title">
            <thead>
              <tr>
                <th scope="col">{words.trigger}</th>
                <th scope="col">{words.verdict}</th>
                <th scope="col">{words.why}</th>
                <th scope="col">{words.run}</th>
              </tr>
            </thead>
            <tbody>
              {verdicts.map((verdict) => (
                <VerdictRow key={verdict.trigger} verdict={verdict} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function VerdictRow({ verdict }: { verdict: TriggerVerdict }) {
  return (
    <tr>
      <td className={table.nowrap}>{verdict.trigger}</td>
      <td>
        {verdict.matched ? (
          <Tag tone="good" icon={<IconCircleCheck size={13} />}>
            {text.delivery.matched}
          </Tag>
        ) : (
          <Tag tone="neutral" icon={<IconCircleMinus size={13} />}>
            {text.delivery.passedOver}
          </Tag>
        )}
      </td>
      <td>
        {verdict.explanation}
        <span className={`${table.second} ${table.mono}`}>{verdict.reason}</span>
      </td>
      <td className={table.nowrap}>
        {verdict.runId ? (
          <Anchor component={Link} to={`/runs/${verdict.runId}`} size="sm">
            {shortId(verdict.runId)}
          </Anchor>
        ) : (
          "–"
        )}
      </td>
    </tr>
  );
}
