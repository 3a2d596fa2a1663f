import { IconArrowBarToRight, IconCheck, IconPlugOff, IconQuestionMark } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { ExecutorStanding } from "../../gen/maestro/v1/executors_pb";
import { Tag, type Tone } from "../../lib/components/Tag";
import { text } from "../../text";

const unknown = { tone: "neutral" as Tone, icon: <IconQuestionMark size={13} /> };

const looks: Record<ExecutorStanding, { tone: Tone; icon: ReactNode }> = {
  [ExecutorStanding.UNSPECIFIED]: unknown,
  [ExecutorStanding.PRESENT]: { tone: "good", icon: <IconCheck size={13} /> },
  [ExecutorStanding.DRAINING]: { tone: "warn", icon: <IconArrowBarToRight size={13} /> },
  [ExecutorStanding.SILENT]: { tone: "bad", icon: <IconPlugOff size={13} /> },
  [ExecutorStanding.LEFT]: { tone: "neutral", icon: <IconPlugOff size={13} /> },
};

/** Whether an executor can be counted on. */
export function StandingTag({ standing }: { standing: ExecutorStanding }) {
  const look = looks[standing] ?? unknown;
  return (
    <Tag tone={look.tone} icon={look.icon}>
      {text.executors.standing[standing] ?? text.executors.standing[ExecutorStanding.UNSPECIFIED]}
    </Tag>
  );
}
