import { Link, useNavigate } from "react-router";
import type { Delivery } from "../../gen/maestro/v1/deliveries_pb";
import table from "../../lib/components/DataTable.module.css";
import { RelativeTime } from "../../lib/components/RelativeTime";
import { keyboardTarget } from "../../lib/useKeyboard";
import { text } from "../../text";
import { deliveryKey } from "./filters";
import { OutcomeTag } from "./OutcomeTag";
import { deliveryPath, eventName } from "./words";

interface Props {
  deliveries: Delivery[];
  /** The rows belong to the previous filter and fresh ones are on their way. */
  stale?: boolean;
}

export function DeliveriesTable({ deliveries, stale }: Props) {
  const words = text.deliveries.columns;
  return (
    <div className={table.scroll}>
      <table
        className={`${table.table} ${stale ? table.stale : ""}`}
        aria-label={text.deliveries.title}
      >
        <thead>
          <tr>
            <th scope="col">{words.decision}</th>
            <th scope="col">{words.event}</th>
            <th scope="col" className={table.fromMedium}>
              {words.repository}
            </th>
            <th scope="col" className={table.fromWide}>
              {words.sender}
            </th>
            <th scope="col" className={table.fromMedium}>
              {words.reason}
            </th>
            <th scope="col" className={table.number}>
              {words.received}
            </th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => (
            <DeliveryRow key={deliveryKey(delivery)} delivery={delivery} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DeliveryRow({ delivery }: { delivery: Delivery }) {
  const navigate = useNavigate();
  const path = deliveryPath(delivery);
  return (
    <tr
      className={table.row}
      data-delivery={delivery.id}
      onClick={(event) => {
        if (!(event.target as HTMLElement).closest("a")) navigate(path);
      }}
    >
      <td>
        <OutcomeTag outcome={delivery.outcome} />
      </td>
      <td>
        <Link to={path} className={table.link} {...keyboardTarget.row}>
          {eventName(delivery)}
        </Link>
        <span className={`${table.second} ${table.narrowOnly}`}>
          {delivery.repository || text.runs.noRepository}
        </span>
        <span className={`${table.second} ${table.narrowOnly}`}>{delivery.explanation}</span>
      </td>
      <td className={table.fromMedium}>{delivery.repository || "–"}</td>
      <td className={`${table.fromWide} ${table.quiet}`}>{delivery.sender || "–"}</td>
      <td className={`${table.fromMedium} ${table.quiet}`}>
        {delivery.explanation || delivery.reason}
      </td>
      <td className={`${table.number} ${table.quiet}`}>
        <RelativeTime at={delivery.receivedAt} />
      </td>
    </tr>
  );
}
