import {
  IconCircleCheck,
  IconCircleMinus,
  IconParking,
  IconQuestionMark,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { DeliveryOutcome } from "../../gen/maestro/v1/deliveries_pb";
import { Tag, type Tone } from "../../lib/components/Tag";
import { text } from "../../text";

const size = 13;

const looks: Record<DeliveryOutcome, { tone: Tone; icon: ReactNode }> = {
  [DeliveryOutcome.UNSPECIFIED]: { tone: "neutral", icon: <IconQuestionMark size={size} /> },
  [DeliveryOutcome.ACCEPTED]: { tone: "good", icon: <IconCircleCheck size={size} /> },
  [DeliveryOutcome.IGNORED]: { tone: "neutral", icon: <IconCircleMinus size={size} /> },
  [DeliveryOutcome.PARKED]: { tone: "warn", icon: <IconParking size={size} /> },
};

/** The decision on a delivery as icon, word and colour. */
export function OutcomeTag({ outcome }: { outcome: DeliveryOutcome }) {
  const look = looks[outcome] ?? looks[DeliveryOutcome.UNSPECIFIED];
  return (
    <Tag tone={look.tone} icon={look.icon}>
      {text.deliveries.outcome[outcome] ?? text.deliveries.outcome[DeliveryOutcome.UNSPECIFIED]}
    </Tag>
  );
}
