import {
  IconBan,
  IconCircleCheck,
  IconCircleX,
  IconClock,
  IconLoader2,
  IconQuestionMark,
  IconSend,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import { RunStatus } from "../../gen/maestro/v1/runs_pb";
import { Tag, type Tone } from "../../lib/components/Tag";
import { text } from "../../text";

const size = 13;

const looks: Record<RunStatus, { tone: Tone; icon: ReactNode; spin?: boolean }> = {
  [RunStatus.UNSPECIFIED]: { tone: "neutral", icon: <IconQuestionMark size={size} /> },
  [RunStatus.PENDING]: { tone: "neutral", icon: <IconClock size={size} /> },
  [RunStatus.DISPATCHED]: { tone: "info", icon: <IconSend size={size} /> },
  [RunStatus.RUNNING]: { tone: "active", icon: <IconLoader2 size={size} />, spin: true },
  [RunStatus.SUCCEEDED]: { tone: "good", icon: <IconCircleCheck size={size} /> },
  [RunStatus.FAILED]: { tone: "bad", icon: <IconCircleX size={size} /> },
  [RunStatus.CANCELED]: { tone: "warn", icon: <IconBan size={size} /> },
};

/** A run's status as icon, word and colour. */
export function StatusTag({ status }: { status: RunStatus }) {
  const look = looks[status] ?? looks[RunStatus.UNSPECIFIED];
  return (
    <Tag tone={look.tone} icon={look.icon} spin={look.spin}>
      {text.runs.status[status] ?? text.runs.status[RunStatus.UNSPECIFIED]}
    </Tag>
  );
}

/** True once nothing about the run can change any more. */
export function isTerminal(status: RunStatus): boolean {
  return (
    status === RunStatus.SUCCEEDED || status === RunStatus.FAILED || status === RunStatus.CANCELED
  );
}
