import type { ReactNode } from "react";
import classes from "./Tag.module.css";

export type Tone = "neutral" | "info" | "active" | "good" | "bad" | "warn";

interface Props {
  tone: Tone;
  icon?: ReactNode;
  /** Turns the icon while something is going on. */
  spin?: boolean;
  children: ReactNode;
}

/** A small label whose meaning never hangs on its colour alone. */
export function Tag({ tone, icon, spin, children }: Props) {
  return (
    <span className={classes.tag} data-tone={tone}>
      {icon && (
        <span className={classes.icon} data-spin={spin || undefined} aria-hidden>
          {icon}
        </span>
      )}
      {children}
    </span>
  );
}
